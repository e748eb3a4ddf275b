//! Sending a recorded request to the sandbox, with credentials that are good there, and its altered parts altered
//! again.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::multipart::Form;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;
use shakedown::sandbox::Sandbox;

use crate::recording::{Multipart, Request, Step};

/// The clock of the recorded region, in seconds since 1970.
const RECORDED_AT: i64 = 1_795_155_423;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

struct Key {
    consumer: String,
    token: String,
    secret: String,
}

/// Plays the node, the administrator and strangers.
pub(crate) struct Caller<'a> {
    sandbox: &'a Sandbox,
    http: Client,
    node: Key,
    admin: Key,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        // Nothing is encrypted here, but no client is built without a provider. A second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).tls_certs_only([]).build();
        let config = sandbox.node_config();
        let line = |name: &str| {
            let line = config.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
            line.expect("the configuration has all of the key").to_owned()
        };
        let api_key = sandbox.api_key();
        let mut parts = api_key.split(':').map(str::to_owned);
        let mut part = || parts.next().expect("an API key has three parts");
        Caller {
            sandbox,
            http: http.expect("an HTTP client can be built"),
            node: Key { consumer: line("consumer_key"), token: line("token_key"), secret: line("token_secret") },
            admin: Key { consumer: part(), token: part(), secret: part() },
        }
    }

    /// Sends a recorded request.
    pub(crate) async fn send(&self, step: &Step) -> Answer {
        let request = &step.request;
        let method: Method = request.method.parse().expect("a method is a word");
        let path = request.path.replace("{id}", &self.sandbox.system_id());
        let path = path.replace("<system_id>", &self.sandbox.system_id());
        let address = self.sandbox.url().replacen("/MAAS/", &path, 1);
        let mut builder = self.http.request(method, address);
        if let Some(authorization) = self.authorization(step) {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        finish(self.with_body(builder, request)).await
    }

    /// A request for a path of the region.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().expect("a method is a word");
        self.http.request(method, self.sandbox.url().replacen("/MAAS/", path, 1))
    }

    /// The header of the node or of the administrator; nobody else has one.
    pub(crate) fn signed_by(&self, who: &str) -> Option<String> {
        let key = match who {
            "node" => &self.node,
            "admin" => &self.admin,
            _ => return None,
        };
        Some(header(key, &nonce(), now(), "PLAINTEXT"))
    }

    /// The part of the node's key that a region quotes.
    pub(crate) fn token_key(&self) -> &str {
        &self.node.token
    }

    /// Posts a node event.
    pub(crate) async fn post_event(&self, event: &Value) -> Answer {
        let address = format!("{}metadata/status/{}", self.sandbox.url(), self.sandbox.system_id());
        let header = header(&self.node, &nonce(), now(), "PLAINTEXT");
        finish(self.http.post(address).header(AUTHORIZATION, header).json(event)).await
    }

    fn authorization(&self, step: &Step) -> Option<String> {
        let request = &step.request;
        if request.authorization.is_some() {
            return request.authorization.clone();
        }
        let key = match request.credentials.as_str() {
            "none" => return None,
            "node" => &self.node,
            "admin" => &self.admin,
            "altered" => &self.wrong(&step.label),
            other => panic!("nobody is called {other}"),
        };
        let nonce = request.altered.nonce.clone().unwrap_or_else(nonce);
        let method = request.altered.oauth_signature_method.as_deref().unwrap_or("PLAINTEXT");
        let time = request.altered.ts.map_or_else(now, |time| now() - RECORDED_AT + whole(time));
        Some(header(key, &nonce, time, method))
    }

    /// The node's key with the part wrong that the label says.
    fn wrong(&self, label: &str) -> Key {
        let Key { consumer, token, secret } = &self.node;
        let or_wrong =
            |right: &str, what: &str| if label.ends_with(what) { "wrong".to_owned() } else { right.to_owned() };
        Key {
            consumer: or_wrong(consumer, "wrong consumer"),
            token: or_wrong(token, "wrong token"),
            secret: or_wrong(secret, "wrong secret"),
        }
    }

    fn with_body(&self, builder: RequestBuilder, request: &Request) -> RequestBuilder {
        if let Some(multipart) = &request.multipart {
            return builder.multipart(self.multipart(multipart));
        }
        if let Some(fields) = &request.form {
            let url = Url::parse_with_params("http://x/", fields).expect("pairs make a query");
            let body = url.query().unwrap_or_default().to_owned();
            return builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        if let Some(json) = &request.json {
            return builder.json(&self.with_own_ids(json));
        }
        let Some(raw) = &request.raw else { return builder };
        let bytes: Vec<u8> = raw.chars().map(|byte| u8::try_from(byte).expect("raw bodies are bytes")).collect();
        builder.header(CONTENT_TYPE, request.content_type.as_deref().unwrap_or_default()).body(bytes)
    }

    fn multipart(&self, recorded: &Multipart) -> Form {
        let mut form = Form::new();
        for (name, value) in &recorded.fields {
            let meant = value.strip_prefix("{id:").and_then(|rest| rest.strip_suffix('}'));
            form = form
                .text(name.clone(), meant.map_or_else(|| value.clone(), |script| self.result_id(script).to_string()));
        }
        for file in &recorded.files {
            let content = file.text.clone().unwrap_or_else(|| "x".repeat(file.bytes));
            assert_eq!(content.len(), file.bytes, "the recording is whole");
            let part = reqwest::multipart::Part::text(content).file_name(file.name.clone());
            form = form.part(file.name.clone(), part);
        }
        form
    }

    /// A node event whose files are for the results of this region.
    fn with_own_ids(&self, event: &Value) -> Value {
        let mut event = event.clone();
        for file in event.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
            file["script_result_id"] = self.result_id(file["path"].as_str().unwrap_or_default()).into();
        }
        event
    }

    /// The `script_result_id` of a script, of the first if there is one for each device; 0 if there is none.
    fn result_id(&self, script: &str) -> i64 {
        self.sandbox.results().iter().find(|row| row.script == script).map_or(0, |row| row.id)
    }
}

/// The answer; no answer has the status 0, so that it is a mismatch like others.
pub(crate) async fn finish(builder: RequestBuilder) -> Answer {
    let none = |error: reqwest::Error| Answer { status: 0, content_type: None, body: error.to_string().into_bytes() };
    let response = match builder.send().await {
        Ok(response) => response,
        Err(error) => return none(error),
    };
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match response.bytes().await {
        Ok(body) => Answer { status, content_type, body: body.to_vec() },
        Err(error) => none(error),
    }
}

fn header(key: &Key, nonce: &str, time: i64, method: &str) -> String {
    let Key { consumer, token, secret } = key;
    format!(
        "OAuth realm=\"\", oauth_version=\"1.0\", oauth_signature_method=\"{method}\", \
         oauth_consumer_key=\"{consumer}\", \
         oauth_token=\"{token}\", oauth_nonce=\"{nonce}\", oauth_timestamp=\"{time}\", oauth_signature=\"%26{secret}\""
    )
}

fn nonce() -> String {
    rand::rng().random::<u64>().to_string()
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn whole(seconds: f64) -> i64 {
    Duration::from_secs_f64(seconds).as_secs().cast_signed()
}

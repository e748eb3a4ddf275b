//! A server of the test's own: it keeps every signal that it hears, and answers by a rule or by asking a real sandbox.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use shakedown::sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A signal as it came over the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) fields: Vec<(String, String)>,
    /// Name and size of each file.
    pub(crate) files: Vec<(String, usize)>,
}

impl Signal {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn status(&self) -> &str {
        self.field("status")
    }

    pub(crate) fn is_result(&self) -> bool {
        !self.files.is_empty()
    }

    /// About no script: the node's own, or a heartbeat.
    pub(crate) fn is_about_node(&self) -> bool {
        self.field("script_result_id").is_empty() && !self.is_result()
    }

    async fn read(headers: &HeaderMap, body: Bytes) -> Signal {
        let mut signal = Signal::default();
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(kind) else { return signal };
        let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
        let mut parts = multer::Multipart::new(stream, boundary);
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.unwrap_or_default();
            match file {
                Some(file) => signal.files.push((file, bytes.len())),
                None => signal.fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
            }
        }
        signal
    }
}

type Rule = dyn Fn(&Parts, Option<&Signal>) -> Option<Response> + Send + Sync;

struct Inner {
    rule: Box<Rule>,
    upstream: Option<String>,
    client: reqwest::Client,
    heard: Mutex<Vec<(Method, Signal)>>,
}

/// The server; it ends when this is dropped.
pub(crate) struct Tap {
    address: SocketAddr,
    inner: Arc<Inner>,
    server: JoinHandle<()>,
}

impl Tap {
    /// Answers by a rule; what the rule leaves is a 404.
    pub(crate) async fn alone(
        rule: impl Fn(&Parts, Option<&Signal>) -> Option<Response> + Send + Sync + 'static,
    ) -> Tap {
        Tap::start(None, Box::new(rule)).await
    }

    /// Hands out the same archive to every question, and takes every signal.
    pub(crate) async fn archive(bytes: Vec<u8>) -> Tap {
        Tap::alone(move |parts, _| {
            let body = if parts.method == Method::GET { bytes.clone() } else { b"OK".to_vec() };
            Some(body.into_response())
        })
        .await
    }

    /// Asks a sandbox, unless the rule has an answer.
    pub(crate) async fn before(
        region: &Sandbox,
        rule: impl Fn(&Parts, Option<&Signal>) -> Option<Response> + Send + Sync + 'static,
    ) -> Tap {
        let origin = region.url().trim_end_matches("/MAAS/").to_owned();
        Tap::start(Some(origin), Box::new(rule)).await
    }

    async fn start(upstream: Option<String>, rule: Box<Rule>) -> Tap {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("HTTP can be set up");
        let inner = Arc::new(Inner { rule, upstream, client, heard: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Tap { address, inner, server }
    }

    /// The region's address as the node knows it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/MAAS/", self.address)
    }

    /// A configuration with credentials that nobody looks at.
    pub(crate) fn config(&self) -> String {
        format!(
            "datasource: {{MAAS: {{metadata_url: '{}metadata/', consumer_key: ck, token_key: tk, token_secret: ts}}}}",
            self.url()
        )
    }

    /// The signals in the order in which they came.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        let heard = self.inner.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|(method, _)| method == Method::POST).map(|(_, signal)| signal.clone()).collect()
    }

    /// How often the scripts were asked for.
    pub(crate) fn questions(&self) -> usize {
        let heard = self.inner.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|(method, _)| method == Method::GET).count()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let signal = Signal::read(&parts.headers, body.clone()).await;
    let heard = (parts.method.clone(), signal.clone());
    inner.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    let about = (parts.method == Method::POST).then_some(&signal);
    if let Some(response) = (inner.rule)(&parts, about) {
        return response;
    }
    match &inner.upstream {
        Some(origin) => forward(&inner.client, origin, parts, body).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn forward(client: &reqwest::Client, origin: &str, parts: Parts, body: Bytes) -> Response {
    let mut headers = HeaderMap::new();
    for name in [AUTHORIZATION, CONTENT_TYPE] {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let request = client.request(parts.method, format!("{origin}{}", parts.uri)).headers(headers).body(body);
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    let kept: Vec<_> = [CONTENT_TYPE, DATE]
        .into_iter()
        .filter_map(|name| Some((answer.headers().get(&name)?.clone(), name)))
        .collect();
    let Ok(bytes) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().extend(kept.into_iter().map(|(value, name)| (name, value)));
    response
}

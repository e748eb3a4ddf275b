//! One exchange with the region: sign, send, follow what may be followed, and classify the answer.
//!
//! A success is what the request says it accepts as one ([`Accepts`]), and nothing else. What stands between a machine and its region – portals,
//! proxies, load balancers – answers, too, and must neither count as the region's acknowledgement nor as its refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Body, Request, RequestBuilder, Response, StatusCode, Url};

use super::{Client, Error, oauth, refusal};
use crate::http::{self, innermost, is_proxy_refusal, is_untrusted, masked, proxy_wants_credentials};

/// A difference of clocks that is worth a correction: well below the 300 s that the region forgives.
const SKEW_STEP: i64 = 5;
/// Redirects that are followed for one request.
const MOST_HOPS: usize = 5;
/// Longest answer that is read for its text.
const LONGEST_TEXT: usize = 64 << 10;

/// What counts as the region's answer to a request (contract REGION; every recorded success is one of these).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    /// A document: status 200.
    Document,
    /// A document, or that there is none: status 200 or 204.
    DocumentOrNothing,
    /// An event was queued, something was deleted: status 204.
    Queued,
    /// Something was made: status 201.
    Made,
}

impl Accepts {
    fn takes(self, status: StatusCode) -> bool {
        match self {
            Accepts::Document => status == StatusCode::OK,
            Accepts::DocumentOrNothing => matches!(status, StatusCode::OK | StatusCode::NO_CONTENT),
            Accepts::Queued => status == StatusCode::NO_CONTENT,
            Accepts::Made => status == StatusCode::CREATED,
        }
    }
}

impl Client {
    /// Signs and sends a request, which is built anew for each address that it is sent to; the region's answer.
    ///
    /// A redirect is followed to the same origin, and from http to https of the same host, with method and body kept. Any other would give the
    /// machine's credentials and results to somebody else.
    ///
    /// # Errors
    /// By class of answer. An answer that the request does not accept is [`Error::NotTheRegion`].
    pub(super) async fn send(
        &self,
        url: &Url,
        accepts: Accepts,
        request: impl Fn(Url) -> Result<RequestBuilder, Error>,
    ) -> Result<Response, Error> {
        let mut at = url.clone();
        for _ in 0..=MOST_HOPS {
            let (response, now, skew) = self.attempt(&at, request(at.clone())?).await?;
            let status = response.status();
            if accepts.takes(status) {
                return Ok(response);
            }
            if status.is_success() {
                return Err(not_the_region(&self.shown(&at), format!("status {status}")));
            }
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return Err(self.classify(&at, response, now, skew).await);
            }
            at = redirected(&at, &self.shown(&at), &response)?;
        }
        Err(Error::Redirected { url: self.shown(url).0, to: masked(at.as_str()), why: "the redirects do not end" })
    }

    /// Sends once; the answer, with the time of sending and the correction of the clock that it was signed with.
    async fn attempt(&self, url: &Url, request: RequestBuilder) -> Result<(Response, i64, i64), Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
        let skew = self.skew();
        let request = match &self.options.credentials {
            Some(credentials) => request.header(AUTHORIZATION, oauth::authorization(credentials, now + skew)),
            None => request,
        };
        let failed = |error: reqwest::Error| {
            let reason = innermost(&error);
            if is_proxy_refusal(&error) {
                return self.proxy_refused(url, reason);
            }
            let url = self.shown(url).0;
            match (is_untrusted(&error), error.is_connect()) {
                (true, _) => Error::Untrusted { url, reason },
                (_, true) => Error::Unreachable { url, reason },
                (_, false) => Error::BrokenOff { url, reason },
            }
        };
        let (client, request) = request.build_split();
        let mut request = request.map_err(failed)?;
        let unsent = Unsent::of(&mut request);
        let response = client.execute(request).await.map_err(failed)?;
        // The region answers when it has all of a request. Who says that all is well before has not seen the result.
        if response.status().is_success() && unsent.is_some_and(|unsent| unsent.bytes() > 0) {
            return Err(not_the_region(
                &self.shown(url),
                "an answer to a request that was not sent to its end".to_owned(),
            ));
        }
        Ok((response, now, skew))
    }

    async fn classify(&self, url: &Url, response: Response, now: i64, skew: i64) -> Error {
        let status = response.status();
        let proxy = self.proxy_to(url);
        let (retry_after, date) = (retry_after(response.headers()), server_date(response.headers()));
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Error::TooLarge;
        }
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && proxy.is_some() {
            return self.proxy_refused(url, status.to_string());
        }
        let is_about_credentials = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if let (true, Some(date)) = (is_about_credentials, date) {
            let change = date - now - skew;
            if change.abs() > SKEW_STEP {
                self.set_skew(date - now);
                return Error::ClockSkew { seconds: change };
            }
        }
        let text = text(response).await;
        match refusal::of_region(status, &text) {
            Some(refusal::Refusal::SignAgain) => Error::SignAgain,
            // The text can hold the secret that the region expects: it is looked at and never shown.
            Some(refusal::Refusal::Credentials(hint)) => {
                let credentials = self.options.credentials.as_ref();
                let source = credentials.map_or("nowhere (there are none)", |credentials| credentials.source.as_str());
                Error::Unauthorized { status, source_of_credentials: source.to_owned(), hint }
            }
            Some(refusal::Refusal::AlreadyFinal { result_id, status }) => {
                Error::AlreadyFinal { text, result_id, status }
            }
            Some(refusal::Refusal::Request) => Error::Refused { status, text },
            None if is_about_credentials => Error::Status { proxy, status, text: String::new(), retry_after },
            None => Error::Status { proxy, status, text, retry_after },
        }
    }

    /// An address as errors name it, with the proxy that leads there.
    pub(super) fn shown(&self, url: &Url) -> Shown {
        let shown = masked(url.as_str());
        Shown(if self.options.direct { shown } else { http::by_proxy(shown, url) })
    }

    /// The proxy that leads to an address, without credentials.
    pub(super) fn proxy_to(&self, url: &Url) -> Option<String> {
        if self.options.direct { None } else { http::proxy_to(url) }
    }

    fn proxy_refused(&self, url: &Url, reason: String) -> Error {
        Error::ProxyRefused { url: self.shown(url).0, reason: proxy_wants_credentials(url).unwrap_or(reason) }
    }
}

/// An address as errors name it: without credentials, with the proxy that leads there.
pub(super) struct Shown(pub(super) String);

/// How much of the body of a request was not handed out yet.
struct Unsent(Arc<AtomicU64>);

impl Unsent {
    /// Watches the body; `None` of one that is in memory, which is handed out at once, and of one without a length.
    fn of(request: &mut Request) -> Option<Unsent> {
        let length = request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
        if request.body()?.as_bytes().is_some() {
            return None;
        }
        let body = request.body_mut().take()?;
        let left = Arc::new(AtomicU64::new(length));
        let counted = Arc::clone(&left);
        let stream = body.into_data_stream().inspect(move |chunk| {
            let count = chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
            let _ = counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(count)));
        });
        *request.body_mut() = Some(Body::wrap_stream(stream));
        Some(Unsent(left))
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a redirect leads that may be followed.
fn redirected(from: &Url, at: &Shown, response: &Response) -> Result<Url, Error> {
    let location = response.headers().get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let location = location.unwrap_or_default();
    let refuse = |why| Err(Error::Redirected { url: at.0.clone(), to: masked(&location), why });
    if location.is_empty() {
        return refuse("it does not say where to");
    }
    let Ok(to) = from.join(&location) else { return refuse("that is no address") };
    let is_same_host = to.host().is_some() && to.host() == from.host();
    if is_same_host && !asks_for_the_same(from, &to) {
        return refuse("that is no address of the region's for this");
    }
    match (from.scheme(), to.scheme()) {
        _ if to.origin() == from.origin() => Ok(to),
        ("http", "https") if is_same_host => Ok(to),
        ("https", "http") => refuse("what is encrypted stays so"),
        _ => refuse("only the region's own address is followed. If that is the region's address, configure it"),
    }
}

/// True if two addresses end in the same words, whatever stands before them: a server's page of health says OK, too.
fn asks_for_the_same(one: &Url, other: &Url) -> bool {
    let last = |url: &Url| -> Vec<String> {
        let words = url.path().rsplit('/').filter(|word| !word.is_empty());
        words.take(2).map(str::to_owned).collect()
    };
    last(one) == last(other)
}

pub(super) fn not_the_region(at: &Shown, what: String) -> Error {
    Error::NotTheRegion { url: at.0.clone(), what }
}

/// The beginning of an answer as one line.
pub(super) async fn text(response: Response) -> String {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(chunk)) = body.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 2000 {
            break;
        }
    }
    line(&bytes)
}

/// The beginning of a text as one line without control characters.
pub(super) fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

/// An answer of a few lines, read to its end.
///
/// # Errors
/// `BrokenOff` when it does not come whole, `NotTheRegion` when it is longer than any such answer.
pub(super) async fn whole(at: &Shown, response: Response, most: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| broken_off(at, &error))?);
        if bytes.len() > most {
            return Err(not_the_region(at, format!("more than {most} bytes")));
        }
    }
    Ok(bytes)
}

/// Checks the acknowledgement of a signal: the two letters `OK` and nothing else.
///
/// # Errors
/// `BrokenOff` when it does not come whole, `NotTheRegion` when it is something else.
pub(super) async fn acknowledged(at: &Shown, response: Response) -> Result<(), Error> {
    let body = whole(at, response, LONGEST_TEXT).await?;
    if body == b"OK" { Ok(()) } else { Err(not_the_region(at, format!("{:?} in place of \"OK\"", line(&body)))) }
}

/// How long an answer asks to be left alone: seconds, or a date (RFC 9110, 10.2.3), which counts from the answer's own date, since this
/// machine's clock may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    let now = server_date(headers).unwrap_or_else(|| jiff::Timestamp::now().as_second());
    Some(Duration::from_secs(u64::try_from(until - now).unwrap_or(0)))
}

fn server_date(headers: &HeaderMap) -> Option<i64> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

pub(super) fn broken_off(at: &Shown, error: &reqwest::Error) -> Error {
    Error::BrokenOff { url: at.0.clone(), reason: innermost(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(reqwest::header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_date() {
        let date = (DATE, "Mon, 30 Nov 2026 06:00:00 GMT");
        let of = |value| retry_after(&headers(&[(RETRY_AFTER, value), date.clone()])).map(|pause| pause.as_secs());
        assert_eq!(of("17"), Some(17));
        assert_eq!(of("Mon, 30 Nov 2026 06:01:30 GMT"), Some(90));
        assert_eq!(of("Mon, 30 Nov 2026 05:00:00 GMT"), Some(0), "a moment that has passed");
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn a_redirect_leads_to_the_same_question() {
        let same = |to: &str| {
            let from = Url::parse("http://region:5240/MAAS/metadata/2012-03-01/").expect("an address");
            asks_for_the_same(&from, &from.join(to).expect("an address"))
        };
        for to in [
            "/MAAS/metadata/2012-03-01",
            "/maas/r/MAAS/metadata/2012-03-01/",
            "https://region/MAAS/metadata/2012-03-01/",
        ] {
            assert!(same(to), "{to}");
        }
        for to in [
            "/",
            "/healthz",
            "/MAAS/metadata/",
            "..",
            "/MAAS/metadata/2012-03-01/maas-scripts",
            "/accounts/login/?next=/MAAS/metadata/2012-03-01/",
        ] {
            assert!(!same(to), "{to}");
        }
    }

    #[test]
    fn nothing_of_an_answer_commands_a_terminal() {
        assert_eq!(line(b"a\x1b[31m\x07b\r\n c\xff"), "a[31mb c\u{fffd}");
    }
}

//! What a region may answer, by class.

use std::time::Duration;

use reqwest::StatusCode;

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The region was not reached: nothing arrived there.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// Address without credentials.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// The exchange broke off: the request may have arrived.
    #[error("the exchange with {url} broke off: {reason}")]
    BrokenOff {
        /// Address without credentials.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// The node's clock was off; it has been corrected by the region's.
    #[error("the region's clock differs by {seconds} s from this machine's; corrected")]
    ClockSkew {
        /// How much the correction changed.
        seconds: i64,
    },
    /// A nonce that the region had seen, or a timestamp that it found too old.
    #[error("the region wants the request signed anew")]
    SignAgain,
    /// 401 or 403, and the clock is not the reason.
    #[error("the region refused the credentials from {source_of_credentials} with {status}{hint}")]
    Unauthorized {
        /// The status line.
        status: StatusCode,
        /// Where they came from.
        source_of_credentials: String,
        /// What the refusal says, where it can be told without a secret.
        hint: &'static str,
    },
    /// The server's certificate, or its kind of TLS, is not accepted: nothing was sent. Whoever has begun something waits as for an outage ([`Error::as_outage`]).
    #[error("cannot reach {url}: {reason}")]
    Untrusted {
        /// Address without credentials.
        url: String,
        /// Why, with the next step.
        reason: String,
    },
    /// An answer that the region does not give to such a request: somebody else's, or half of one.
    #[error("{url} answers {what}, which is not the region's answer")]
    NotTheRegion {
        /// Address without credentials.
        url: String,
        /// What came, in words.
        what: String,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to {to:?}, which is not followed: {why}")]
    Redirected {
        /// Address without credentials.
        url: String,
        /// The `Location`, without credentials.
        to: String,
        /// Why not.
        why: &'static str,
    },
    /// The region's own refusal of the request.
    #[error("the region refuses it with {status}: {text}")]
    Refused {
        /// The status line.
        status: StatusCode,
        /// The region's text.
        text: String,
    },
    /// A proxy wants a name and a password before it sends a request on, or others (407): nothing arrived at the region. Whoever has begun something
    /// waits as for an outage ([`Error::as_outage`]).
    #[error("cannot reach {url}: {reason}")]
    ProxyRefused {
        /// Address without credentials.
        url: String,
        /// The proxy's demand, with the next step.
        reason: String,
    },
    /// Another status than success, which need not be the region's.
    #[error("the answer{} was {status}: {text}", from_proxy(proxy.as_deref()))]
    Status {
        /// The proxy that it came by and may be from, without credentials.
        proxy: Option<String>,
        /// The status line.
        status: StatusCode,
        /// Beginning of the answer's text.
        text: String,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// The region holds a final result for this script already.
    #[error("the region already holds a result for this script: {text}")]
    AlreadyFinal {
        /// The answer's text.
        text: String,
        /// The region's number of the result.
        result_id: i64,
        /// The region's number of its status.
        status: u8,
    },
    /// The request is larger than the region takes.
    #[error("the region takes no request of this size")]
    TooLarge,
    /// Output that the region parses is larger than the region, or something on the way to it, takes. Nothing was sent.
    #[error("{name} has {size} bytes, and the region, or something on the way to it, takes {room}")]
    Oversized {
        /// The file.
        name: String,
        /// Its size in bytes, as it would be sent.
        size: u64,
        /// The room that there is, in bytes.
        room: u64,
    },
    /// Output that the region parses cannot be read on this machine. Nothing was sent.
    #[error("{name} cannot be read on the machine, and the region needs all of it: {reason}")]
    Unreadable {
        /// The file.
        name: String,
        /// The system's reason.
        reason: String,
    },
    /// The answer is not what was asked for.
    #[error("the region's answer cannot be used: {0}")]
    Unusable(String),
    /// A file of this machine could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The client could not be set up.
    #[error("{0}")]
    Setup(String),
    /// The caller gave up.
    #[error("given up: {0}")]
    Cancelled(String),
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Wait and repeat; at least so long if the region said so.
    Retry(Option<Duration>),
    /// Repeat a few times: it may pass, but most such answers never do.
    RetryAFewTimes,
    /// Repeat at once, signed anew.
    Resign,
    /// The region has it, or has something final in its place.
    AlreadyFinal,
    /// Repeat with less.
    Shrink,
    /// It will never be taken.
    Refused,
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Unreachable { .. } | Error::BrokenOff { .. } | Error::NotTheRegion { .. } => {
                Disposition::Retry(None)
            }
            Error::ClockSkew { .. } | Error::SignAgain => Disposition::Resign,
            Error::AlreadyFinal { .. } => Disposition::AlreadyFinal,
            Error::TooLarge => Disposition::Shrink,
            Error::Status { status, retry_after, .. } => match status.as_u16() {
                408 | 425 | 429 | 502 | 503 | 504 => Disposition::Retry(*retry_after),
                // Only the region can refuse: what stands between answers 403 and 404, too, until somebody mends it.
                _ => Disposition::RetryAFewTimes,
            },
            Error::File { .. } | Error::Redirected { .. } | Error::ProxyRefused { .. } => Disposition::RetryAFewTimes,
            Error::Oversized { .. }
            | Error::Unreadable { .. }
            | Error::Refused { .. }
            | Error::Untrusted { .. }
            | Error::Unauthorized { .. }
            | Error::Unusable(_)
            | Error::Setup(_)
            | Error::Cancelled(_) => Disposition::Refused,
        }
    }

    /// Whether it says something about the way to the region, or its load, and nothing about what it was asked. A 503 is not among these:
    /// a region without racks answers that to the access to a BMC.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let is_unavailable = matches!(self, Error::Status { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE);
        matches!(self.disposition(), Disposition::Retry(_)) && !is_unavailable
    }

    /// The error for whoever has begun something: a certificate that is not accepted, or a password of a proxy, is mended by somebody, as an outage is.
    #[must_use]
    pub fn as_outage(self) -> Self {
        match self {
            Error::Untrusted { url, reason } | Error::ProxyRefused { url, reason } => {
                Error::Unreachable { url, reason }
            }
            other => other,
        }
    }

    /// True if another request might be taken where this one was not: the region refuses it, or fails over it.
    #[must_use]
    pub fn is_about_request(&self) -> bool {
        match self {
            Error::Refused { .. } => true,
            Error::Status { status, .. } => status.is_server_error() && !self.is_passing(),
            _ => false,
        }
    }

    /// True if a result may have met this since the region has it already: versions 3.2 and 3.3 answer a second result with an empty 500
    /// (contract VERSIONS, §1). So does a server that has crashed, so the region has to be asked.
    #[must_use]
    pub fn may_be_second(&self) -> bool {
        matches!(self, Error::Status { status, text, .. } if *status == StatusCode::INTERNAL_SERVER_ERROR && text.is_empty())
    }

    /// Whether the region may have taken the request although no success was heard.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Error::BrokenOff { .. })
            || matches!(self, Error::Status { status, .. } if status.is_server_error())
    }
}

fn from_proxy(proxy: Option<&str>) -> String {
    proxy.map(|proxy| format!(" (by the proxy {proxy})")).unwrap_or_default()
}

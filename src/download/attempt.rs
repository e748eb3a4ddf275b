//! One attempt: ask, check, write; the next one goes on where it ended if the server can do that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE,
    LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{Fetched, Options, RESERVE, file_name};
use crate::http::{innermost, is_proxy_refusal, proxy_wants_credentials};
use crate::unpack::in_words;

/// After so many bytes the room on the file system is looked at again.
const LOOK: u64 = 16 << 20;

/// How an attempt ended without the whole file.
pub(super) enum Failure {
    /// The next one would not end better.
    Final(String),
    /// The next one may; not before some time.
    Passing(String, Duration),
}

/// A file on its way.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    have: u64,
    hash: Sha256,
    /// What the server knows this version of the file by; without it, there is no going on with it.
    version: Option<HeaderValue>,
    name: String,
    /// Where the room was last looked at.
    looked: u64,
}

fn passing(text: String) -> Failure {
    Failure::Passing(text, Duration::ZERO)
}

impl Partial {
    pub(super) async fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
        let path = path.to_owned();
        Ok(Partial { path, file, have: 0, hash: Sha256::new(), version: None, name: String::new(), looked: 0 })
    }

    /// Bytes that are there.
    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) async fn finish(mut self) -> Result<Fetched, String> {
        self.file.flush().await.map_err(|error| self.unwritable(&error))?;
        Ok(Fetched { name: self.name, bytes: self.have, sha256: base16ct::lower::encode_string(&self.hash.finalize()) })
    }

    fn unwritable(&self, error: &std::io::Error) -> String {
        format!("{} cannot be written: {error}", self.path.display())
    }

    /// Asks for the file, or for the rest of it.
    pub(super) async fn attempt(&mut self, http: &Client, url: &Url, options: &Options) -> Result<(), Failure> {
        let mut request = http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some(version) = self.version.clone().filter(|_| self.have > 0) {
            request = request.header(RANGE, format!("bytes={}-", self.have)).header(IF_RANGE, version);
        }
        let silent = || passing(format!("the server says nothing for {} s", options.stall.as_secs()));
        let response = timeout(options.stall, request.send()).await.map_err(|_| silent())?.map_err(|error| {
            match proxy_wants_credentials(url).filter(|_| is_proxy_refusal(&error)) {
                Some(wanted) => Failure::Final(wanted),
                None if error.is_redirect() => Failure::Final(innermost(&error)),
                None => passing(innermost(&error)),
            }
        })?;
        let whole = self.begin(&response).await?;
        let claimed = response.content_length().unwrap_or(0);
        check_size(self.have.saturating_add(claimed), options.most)?;
        self.check_room(claimed)?;
        let mut body = response.bytes_stream();
        while let Some(chunk) = timeout(options.stall, body.next()).await.map_err(|_| silent())? {
            let chunk = chunk.map_err(|error| passing(format!("it broke off: {}", innermost(&error))))?;
            check_size(self.have + chunk.len() as u64, options.most)?;
            self.file.write_all(&chunk).await.map_err(|error| Failure::Final(self.unwritable(&error)))?;
            self.hash.update(&chunk);
            self.have += chunk.len() as u64;
            if self.have - self.looked > LOOK {
                self.looked = self.have;
                self.check_room(0)?;
            }
        }
        match whole.filter(|whole| self.have < *whole) {
            Some(whole) => Err(passing(format!("the server gave a part: {} of {whole} bytes are there", self.have))),
            None => Ok(()),
        }
    }

    /// Takes the answer's head: from the beginning, or going on. How large the whole file is, if it is told besides the answer's length.
    async fn begin(&mut self, response: &Response) -> Result<Option<u64>, Failure> {
        let (status, headers) = (response.status(), response.headers());
        match status {
            StatusCode::PARTIAL_CONTENT if self.have > 0 && continues_at(headers) == Some(self.have) => {
                return Ok(whole_of(headers));
            }
            StatusCode::OK => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.version = None;
                return Err(passing(format!("the server answers {status} to what was not asked")));
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                return Err(
                    proxy_wants_credentials(response.url()).map_or_else(|| refusal(status, headers), Failure::Final)
                );
            }
            _ => return Err(refusal(status, headers)),
        }
        let restart = async {
            self.file.flush().await?;
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        restart.await.map_err(|error| Failure::Final(self.unwritable(&error)))?;
        (self.have, self.looked, self.hash) = (0, 0, Sha256::new());
        self.version = version(headers);
        let disposition = headers.get(CONTENT_DISPOSITION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        self.name = file_name(disposition.as_deref(), response.url().path());
        Ok(None)
    }

    fn check_room(&self, wanted: u64) -> Result<(), Failure> {
        let Ok(system) = rustix::fs::statvfs(&self.path) else { return Ok(()) };
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        if wanted.saturating_add(RESERVE) <= free {
            return Ok(());
        }
        Err(Failure::Final(format!(
            "there is no room for it: {} needs {wanted} bytes more and {} to spare, and has {free} bytes free",
            self.path.parent().unwrap_or(&self.path).display(),
            in_words(RESERVE)
        )))
    }
}

fn check_size(bytes: u64, most: u64) -> Result<(), Failure> {
    if bytes <= most {
        return Ok(());
    }
    Err(Failure::Final(format!(
        "it is larger than {}; packages.download_bytes in the configuration is the limit",
        in_words(most)
    )))
}

fn refusal(status: StatusCode, headers: &HeaderMap) -> Failure {
    let text = format!("the server answers {status}");
    let passes =
        status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if !passes {
        return Failure::Final(text);
    }
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    Failure::Passing(text, Duration::from_secs(after))
}

/// A weak tag says that two versions are alike, not that they are equal.
fn version(headers: &HeaderMap) -> Option<HeaderValue> {
    let get = |name: HeaderName| headers.get(name).cloned();
    get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).or_else(|| get(LAST_MODIFIED))
}

/// `bytes 5-9/10` continues at 5.
fn continues_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

/// `bytes 5-9/10` is of 10; `*` is not known.
fn whole_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_system_is_never_filled() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let partial = Partial::create(&directory.path().join("x")).await.expect("a file");
        assert!(partial.check_room(0).is_ok(), "a machine that builds this has 64 MiB to spare");
        let Err(Failure::Final(text)) = partial.check_room(u64::MAX - RESERVE) else { panic!("there is no such disk") };
        assert!(text.contains("there is no room for it") && text.contains("64 MiB to spare"), "{text}");
    }

    #[test]
    fn only_a_version_that_is_the_same_to_the_byte_is_gone_on_with() {
        let headers = |pairs: &[(HeaderName, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect::<HeaderMap>()
        };
        assert_eq!(
            version(&headers(&[(ETAG, "\"a\""), (LAST_MODIFIED, "then")])),
            Some(HeaderValue::from_static("\"a\""))
        );
        assert_eq!(version(&headers(&[(ETAG, "W/\"a\"")])), None);
        assert_eq!(continues_at(&headers(&[(CONTENT_RANGE, "bytes 5-9/10")])), Some(5));
        assert_eq!(continues_at(&headers(&[(CONTENT_RANGE, "lines 5-9")])), None);
        assert_eq!(whole_of(&headers(&[(CONTENT_RANGE, "bytes 5-9/10")])), Some(10));
        assert_eq!(whole_of(&headers(&[(CONTENT_RANGE, "bytes 5-9/*")])), None);
    }
}

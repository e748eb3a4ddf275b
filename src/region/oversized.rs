//! Output that the region parses and that does not fit into a request: an inventory of a very large machine, or a small limit on the way.
//!
//! The region takes 10 MB, many proxies 1 MB. JSON goes without its indentation then. What is still too large goes as a compressed file of a node
//! event, which a region takes while it commissions (contract REGION, corrections, 10 and 11).

use std::io::{Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use bzip2::Compression;
use bzip2::write::BzEncoder;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::exchange::Accepts;
use super::{Client, Error, Signal};
use super::{Content, FilePart};
use crate::private::regular;

/// More than this is not read into memory.
const LARGEST: u64 = 256 << 20;

/// JSON without the white space between its elements; `None` of what is no JSON, or cannot be read. Numbers and texts stay as they are.
pub(super) fn compact(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > LARGEST || serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
        return None;
    }
    let (mut is_text, mut is_escaped) = (false, false);
    bytes.retain(|&byte| {
        let keeps = is_text || !byte.is_ascii_whitespace();
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ => {}
        }
        keeps
    });
    Some(bytes)
}

impl Signal {
    /// The output that has to be sent whole.
    fn parsed(&self) -> Option<&FilePart> {
        self.files.iter().find(|file| file.is_parsed())
    }

    /// The same result without the output that the region does not get, as a failure: a region would call it passed, and know nothing of
    /// the machine. Its result file stays behind, too: a status in it would count more than the exit status.
    #[must_use]
    pub fn without_parsed(&self, reason: &str) -> Signal {
        let mut signal = self.clone();
        signal.files.retain(|file| !file.is_whole());
        signal.exit_status = Some(self.exit_status.filter(|status| *status != 0).unwrap_or(1));
        signal.error = format!("{}; {reason}", self.error);
        signal
    }
}

impl Client {
    /// Sends the output of a result that the region parses as a compressed file of a node event, once. The region takes it up to a minute later,
    /// if it takes it at all.
    ///
    /// # Errors
    /// By class of answer; `Setup` when the signal has no such output, or a result file: of an event the region reads the exit status alone.
    pub async fn result_by_event(&self, signal: &Signal) -> Result<(), Error> {
        let file = signal.parsed().ok_or_else(|| Error::Setup("no output that the region parses".to_owned()))?;
        if signal.files.iter().any(|file| matches!(file.content, Content::ResultFile { .. })) {
            return Err(Error::Setup("the script has a result file, which an event cannot carry".to_owned()));
        }
        if self.options.system_id.is_none() {
            return Err(Error::Setup("an event needs to know what the region calls this machine".to_owned()));
        }
        let failed = |source| Error::File { path: file.path.display().to_string(), source };
        let mut packed = BzEncoder::new(Vec::new(), Compression::best());
        let mut content = Vec::new();
        regular(&file.path).and_then(|mut source| source.read_to_end(&mut content)).map_err(failed)?;
        packed.write_all(&content).map_err(failed)?;
        let content = base64::engine::general_purpose::STANDARD.encode(packed.finish().map_err(failed)?);
        let script = signal.script.as_ref();
        let now = jiff::Timestamp::now().as_millisecond();
        let body = json!({
            "event_type": "progress",
            "origin": "shakedown",
            "name": "shakedown/result",
            "description": signal.label(),
            "timestamp": std::time::Duration::from_millis(u64::try_from(now).unwrap_or(0)).as_secs_f64(),
            "files": [{
                "path": file.name,
                "encoding": "base64",
                "compression": "bzip2",
                "content": content,
                "script_result_id": script.and_then(|script| script.result_id),
                "result": signal.exit_status.unwrap_or(0),
            }],
        });
        let url = self.status_url()?;
        let limit = self.options.request_timeout;
        let text = super::event::ascii(&body.to_string());
        let request = |url: Url| {
            Ok(self.http.post(url).timeout(limit).header(CONTENT_TYPE, "application/json").body(text.clone()))
        };
        self.send(&url, Accepts::Queued, request).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_elements_goes() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("inventory");
        let text = "{\n  \"serial\": \"a b\\\" c\\\\\",\n\t\"n\" : 0.10e+5 , \"l\": [ 1,\r\n 2 ]\n}\n";
        std::fs::write(&path, text).expect("a file");
        let packed = compact(&path).expect("JSON");
        assert_eq!(String::from_utf8_lossy(&packed), r#"{"serial":"a b\" c\\","n":0.10e+5,"l":[1,2]}"#);
        std::fs::write(&path, "no JSON").expect("a file");
        assert_eq!(compact(&path), None);
    }
}

//! Where a file is, and what it must be.

use std::io::{self, Read as _};
use std::path::Path;

use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::Error;
use crate::http::masked_whole;

/// An address that can be fetched, with the checksum from its fragment (`#sha256=HEX`).
#[derive(Clone)]
pub struct Source {
    url: Url,
    sha256: Option<String>,
}

impl std::fmt::Debug for Source {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Source {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none, is neither HTTP nor HTTPS, or has a checksum that is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Address { address: masked_whole(text.trim()), reason };
        let mut url = Url::parse(text.trim()).map_err(|error| wrong(format!("it is no address: {error}")))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(wrong(format!(
                "only http:// and https:// can be downloaded, not {}://; serve the file, or put it into --package-cache",
                url.scheme()
            )));
        }
        let fragment = url.fragment().map(str::to_owned);
        url.set_fragment(None);
        let sha256 = match fragment.as_deref().map(|fragment| fragment.split_once('=')) {
            Some(Some(("sha256", hex))) if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Some(hex.to_ascii_lowercase())
            }
            Some(Some(("sha256", _))) => return Err(wrong("its sha256 is not 64 hexadecimal digits".to_owned())),
            _ => None,
        };
        Ok(Source { url, sha256 })
    }

    /// For texts: without password and query.
    #[must_use]
    pub fn shown(&self) -> String {
        masked_whole(self.url.as_str())
    }

    /// The checksum that the file must have, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// What the address itself calls the file.
    #[must_use]
    pub fn file_name(&self) -> String {
        super::file_name(None, self.url.path())
    }

    /// A short word that no other address has, for a file of it.
    #[must_use]
    pub fn key(&self) -> String {
        let checksum = self.sha256().unwrap_or_default();
        base16ct::lower::encode_string(&Sha256::digest(format!("{}#{checksum}", self.url))[..12])
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

/// The checksum of a file, in lower-case hexadecimal.
///
/// # Errors
/// The system's.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut chunk) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(base16ct::lower::encode_string(&hash.finalize())),
            count => hash.update(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_downloaded_from_and_a_checksum_is_one() {
        let says = |text: &str| Source::parse(text).expect_err("refused").to_string();
        assert!(says("file:///etc/shadow").starts_with("file:///etc/shadow: only http:// and https://"));
        assert!(says("ftp://u:p@h/x").starts_with("ftp://h/x: only"));
        assert!(says("nothing").contains("it is no address"));
        assert!(says("http://h/x#sha256=12").contains("64 hexadecimal digits"));
        let sum = "AB".repeat(32);
        let source = Source::parse(&format!("https://u:p@h/a/x.tgz?key=1#sha256={sum}")).expect("an address");
        assert_eq!(source.sha256(), Some(sum.to_lowercase().as_str()));
        assert_eq!((source.shown().as_str(), source.file_name().as_str()), ("https://h/a/x.tgz?…", "x.tgz"));
        assert_eq!(Source::parse("http://h/x#top").expect("an address").sha256(), None);
    }
}

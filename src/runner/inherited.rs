//! What scripts get of this program's own environment: all of it, as with MAAS's own runner, but the passwords of proxies.
//!
//! A site gives the agent a proxy with user name and password so that it reaches its region. A script has its environment printed into its output
//! soon enough (`set -x`, `env`), and from there that goes to the region and into reports.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Names of environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// Names with blanks between them; `None` if one of them can be no variable.
    #[must_use]
    pub fn parse(text: &str) -> Option<Names> {
        let is_name = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        text.split_whitespace().map(|word| is_name(word).then(|| word.to_owned())).collect::<Option<_>>().map(Names)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
    }
}

/// The variables that scripts do not get as they are, with what they get in their place.
pub(super) fn without_passwords(
    variables: impl Iterator<Item = (OsString, OsString)>,
    whole: &Names,
) -> impl Iterator<Item = (OsString, OsString)> {
    let is_whole = |name: &OsString| name.to_str().is_some_and(|name| whole.0.contains(name));
    variables
        .filter(move |(name, _)| name.as_bytes().to_ascii_lowercase().ends_with(b"_proxy") && !is_whole(name))
        .filter_map(|(name, value)| without_user(value.as_bytes()).map(|value| (name, OsString::from_vec(value))))
}

/// The address of a proxy without user name and password; `None` where there are none. A password may hold any character, so that only the last
/// `@` tells where they end.
fn without_user(address: &[u8]) -> Option<Vec<u8>> {
    let end = address.iter().rposition(|byte| *byte == b'@')?;
    let before = &address[..end];
    let scheme = before.windows(3).position(|part| part == b"://").map_or(0, |at| at + 3);
    Some([&address[..scheme], &address[end + 1..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(name: &str, value: &str, whole: &str) -> Option<String> {
        let names = Names::parse(whole).expect("names");
        let mut found = without_passwords([(name.into(), value.into())].into_iter(), &names);
        found.next().map(|(_, value)| value.to_string_lossy().into_owned())
    }

    #[test]
    fn no_spelling_of_a_proxy_keeps_its_password() {
        for name in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
            "ftp_proxy",
            "Ftp_Proxy",
        ] {
            for (value, expected) in [
                ("http://user:secret@proxy:3128", "http://proxy:3128"),
                ("http://user:secret@proxy:3128/", "http://proxy:3128/"),
                ("user:secret@proxy:3128", "proxy:3128"),
                ("http://user:sec@ret@proxy", "http://proxy"),
                ("http://user:sec/ret#?@proxy", "http://proxy"),
                ("socks5h://user:a://b@[fd00::1]:1080", "socks5h://[fd00::1]:1080"),
                ("//user:secret@proxy", "proxy"),
                ("http://secret@proxy", "http://proxy"),
            ] {
                assert_eq!(left(name, value, "").as_deref(), Some(expected), "{name}={value}");
            }
        }
    }

    #[test]
    fn the_rest_of_the_environment_stays_as_it_is() {
        for (name, value) in
            [("http_proxy", "http://proxy:3128"), ("EMAIL", "root@example"), ("no_proxy", "a,b"), ("proxy", "u:p@h")]
        {
            assert_eq!(left(name, value, ""), None, "{name}");
        }
        assert_eq!(left("http_proxy", "http://u:p@h", "https_proxy http_proxy"), None, "the site says so");
        assert_eq!(left("HTTP_PROXY", "http://u:p@h", "http_proxy").as_deref(), Some("http://h"), "another variable");
    }

    #[test]
    fn names_are_those_of_variables() {
        assert_eq!(Names::parse("b  a b").map(|names| names.to_string()).as_deref(), Some("a b"));
        assert_eq!(Names::parse("http_proxy=x"), None);
    }
}

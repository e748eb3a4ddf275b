//! Paths in commands that a person copies into a shell.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A path as one word of a shell, whatever is in it: as it is, in quotes, or with escapes where it has control characters or is no UTF-8.
#[must_use]
pub fn word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(byte);
    match path.to_str() {
        Some(text) if !text.is_empty() && bytes.iter().all(is_plain) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => format!("$'{}'", bytes.iter().copied().map(escaped).collect::<String>()),
    }
}

fn escaped(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_path_is_one_word_and_nothing_else() {
        let of = |bytes: &[u8]| word(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(of(b"/var/lib/shakedown-1.0"), "/var/lib/shakedown-1.0");
        assert_eq!(of(b"/my dir; reboot"), "'/my dir; reboot'");
        assert_eq!(of(b"/it's $(reboot)"), r"'/it'\''s $(reboot)'");
        assert_eq!(of("/größe".as_bytes()), "'/größe'");
        assert_eq!(of(b"/a\n\x1b[31m'\\"), r"$'/a\012\033[31m\'\\'");
        assert_eq!(of(b"/\xff"), r"$'/\377'");
    }
}

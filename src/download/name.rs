//! What a downloaded file is called: never a path, never hidden, never empty, never an option.

/// Longest name, in bytes; file systems take 255.
const LONGEST: usize = 150;
/// When nothing is left of a name.
const NAMELESS: &str = "download";

/// The name in a `Content-Disposition`, else the last part of the path of the address.
#[must_use]
pub fn file_name(disposition: Option<&str>, path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    let candidates = [disposition.and_then(disposed), Some(decoded(last))];
    candidates
        .into_iter()
        .flatten()
        .map(|name| harmless(&name))
        .find(|name| !name.is_empty())
        .unwrap_or(NAMELESS.into())
}

/// `filename*=UTF-8''x%20y` beats `filename="x y"` (RFC 6266).
fn disposed(header: &str) -> Option<String> {
    let parameter = |key: &str| {
        header.split(';').skip(1).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    let extended = parameter("filename*").and_then(|value| Some(decoded(value.splitn(3, '\'').nth(2)?)));
    extended.or_else(|| parameter("filename"))
}

fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let mut clean = clean.trim_start_matches(['.', '-', ' ']).trim_end().to_owned();
    let end = (0..=clean.len().min(LONGEST)).rev().find(|&end| clean.is_char_boundary(end)).unwrap_or(0);
    clean.truncate(end);
    clean
}

/// `%20` and the like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        if let Some(byte) = escaped.filter(|_| first == b'%') {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_name_a_file_but_not_place_it() {
        let named = |header: &str| file_name(Some(header), "/a/from-path.tgz");
        assert_eq!(named("attachment; filename=tool.tgz"), "tool.tgz");
        assert_eq!(named("attachment; filename=\"a b.tgz\"; filename*=UTF-8''c%20d.tgz"), "c d.tgz");
        assert_eq!(named("attachment; filename=\"../../etc/cron.d/x\""), "x");
        assert_eq!(named("attachment; filename*=UTF-8''..%2f..%2fx"), "x");
        assert_eq!(named("attachment; filename=\"..\\..\\x\""), "x");
        assert_eq!(named("attachment; filename=.bashrc"), "bashrc");
        assert_eq!(named("attachment; filename=-rf"), "rf");
        for nothing in ["inline", "attachment; filename=..", "attachment; filename=\"a/\"", "x; filename=\"\u{1}\""] {
            assert_eq!(named(nothing), "from-path.tgz", "{nothing}");
        }
        assert_eq!(file_name(None, "/"), "download");
        assert_eq!(file_name(None, "/a/%2e%2e%2Fx%00y%zz%"), "xy%zz%");
        assert_eq!(file_name(None, &format!("/{}", "é".repeat(200))).len(), LONGEST);
    }
}

//! Multipart bodies, as forgiving as the region is (recorded: "spellings of the multipart body").

use base64::Engine as _;

/// A part of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// None for a field; a file that is called nothing is passed over by the region.
    pub(super) file: Option<String>,
    pub(super) content: Vec<u8>,
}

/// The boundary that a content type names.
pub(super) fn boundary(kind: &str) -> Option<&str> {
    let (_, rest) = kind.split_once("boundary=")?;
    let word = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([';', ' ']).next()?,
    };
    (!word.is_empty()).then_some(word)
}

/// The parts of a body. One without a closing boundary goes on to the end; what is no part is passed over.
pub(super) fn parts(body: &[u8], boundary: &str) -> Vec<Part> {
    let mark = format!("--{boundary}");
    let delimiter = format!("\r\n{mark}");
    let mut rest = if body.starts_with(mark.as_bytes()) {
        &body[mark.len()..]
    } else {
        match memchr::memmem::find(body, delimiter.as_bytes()) {
            Some(at) => &body[at + delimiter.len()..],
            None => return Vec::new(),
        }
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let end = memchr::memmem::find(rest, delimiter.as_bytes());
        parts.extend(part(&rest[..end.unwrap_or(rest.len())]));
        match end {
            Some(end) => rest = &rest[end + delimiter.len()..],
            None => break,
        }
    }
    parts
}

/// One part, which begins with the line break behind its boundary.
fn part(bytes: &[u8]) -> Option<Part> {
    let bytes = bytes.strip_prefix(b"\r\n")?;
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let content = &bytes[end + 4..];
    let header = |name: &str| {
        headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let is_encoded = header("content-transfer-encoding").is_some_and(|word| word.eq_ignore_ascii_case("base64"));
    let content = if is_encoded {
        base64::engine::general_purpose::STANDARD.decode(content).unwrap_or_else(|_| content.to_vec())
    } else {
        content.to_vec()
    };
    let file = parameter(&disposition, "filename");
    Some(Part { name: parameter(&disposition, "name")?, file, content })
}

/// A parameter of a header: a word, a text in quotes, or one with percent signs after its character set.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, value) = rest.split_once('=')?;
        let key = key.trim_start_matches([';', ' ']).trim();
        let (text, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted),
            None => {
                value.split_once(';').map_or_else(|| (value.to_owned(), ""), |(word, after)| (word.to_owned(), after))
            }
        };
        if key == name {
            return Some(text);
        }
        if key.strip_suffix('*') == Some(name) {
            let encoded = text.rsplit("''").next().unwrap_or_default().to_owned();
            return Some(super::form::decoded(&encoded));
        }
        rest = after;
    }
}

/// A text up to its closing quote, and what stands behind it.
fn quoted_text(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &quoted[at + 1..]),
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => text.extend(chars.next().map(|(_, c)| c)),
            _ => text.push(c),
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(String, Option<String>, String)> {
        let parts = parts(body.as_bytes(), "b").into_iter();
        parts.map(|part| (part.name, part.file, String::from_utf8_lossy(&part.content).into_owned())).collect()
    }

    /// Each as a region took it.
    #[test]
    fn what_stands_around_the_parts_does_not_count_and_an_open_end_does() {
        let disposition = "Content-Disposition: form-data; name";
        let field = |name: &str, text: &str| (name.to_owned(), None, text.to_owned());
        let body = format!("before\r\n--b\r\n{disposition}=\"op\"\r\n\r\nsignal\r\n--b--\r\nafter");
        assert_eq!(read(&body), [field("op", "signal")]);
        let open = format!("--b\r\n{disposition}=op\r\n\r\nsignal\r\n");
        assert_eq!(read(&open), [field("op", "signal\r\n")]);
        assert_eq!(read(&body.replace("\r\n", "\n")), []);
    }

    #[test]
    fn names_stand_in_quotes_or_behind_their_character_set() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"a\\\"b; c\"; filename*=utf-8''%C3%A4.out\r\n\
                    Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n";
        assert_eq!(read(body), [("a\"b; c".to_owned(), Some("ä.out".to_owned()), "hello".to_owned())]);
    }
}

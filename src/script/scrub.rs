//! A text without secrets that it may quote, in the forms in which whoever was sent them quotes them: as they are, in JSON, in a web
//! page, in a form. And a text may have been put on one line, or cut off in the middle of a secret.

use std::fmt::Write as _;

use serde_json::Value;

/// So much of a secret at the end of a text is taken for the beginning of one, in characters.
const BEGINNING: usize = 3;

pub(super) fn scrub<'a>(text: &str, secrets: impl Iterator<Item = &'a str>, mask: &str) -> String {
    let mut forms: Vec<String> = secrets.filter(|secret| !secret.trim().is_empty()).flat_map(forms).collect();
    // A secret that begins another one must not save the other's end.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let text = forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), mask));
    match forms.iter().filter_map(|form| beginning_at_end(&text, form)).max() {
        Some(length) => format!("{}{mask}", &text[..text.len() - length]),
        None => text,
    }
}

/// How many bytes at the end of a text begin a secret.
fn beginning_at_end(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().skip(BEGINNING).map(|(end, _)| end);
    ends.filter(|end| text.ends_with(&secret[..*end])).last()
}

fn forms(secret: &str) -> Vec<String> {
    let json = Value::from(secret).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json);
    let page = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let page = page.replace('\'', "&#x27;");
    let forms = [secret.to_owned(), json.to_owned(), ascii(json), page, encoded(secret)];
    let lines = forms.clone().map(|form| form.split_whitespace().collect::<Vec<_>>().join(" "));
    forms.into_iter().chain(lines).collect()
}

/// JSON that is ASCII alone.
fn ascii(json: &str) -> String {
    json.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a text does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    })
}

/// As the value of a field in a form.
fn encoded(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b' ' => text.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(text: &str, secrets: &[&str]) -> String {
        scrub(text, secrets.iter().copied(), "…")
    }

    #[test]
    fn a_secret_is_found_in_every_form_in_which_it_is_quoted() {
        let secret = "q\"b  c<é";
        let texts = [
            r#"{"power_pass": "q\"b  c<\u00e9"}"#,
            r#"{"power_pass": "q\"b c<é"}"#,
            r#"{"power_pass": "q\"b  c<é"}"#,
            "q&quot;b c&lt;é",
            "power_pass=q%22b++c%3C%C3%A9&x",
            "q\"b c<é is too weak",
        ];
        for text in texts {
            let scrubbed = scrubbed(text, &[secret]);
            assert!(!scrubbed.contains('q') && scrubbed.contains('…'), "{text}: {scrubbed}");
        }
        for secret in ["ends with \"", "\\ in front"] {
            let text = Value::from(secret).to_string();
            assert_eq!(scrubbed(&text, &[secret]), "\"…\"", "{text}");
        }
    }

    #[test]
    fn a_text_that_ends_in_the_middle_of_a_secret_shows_nothing_of_it() {
        assert_eq!(scrubbed("too weak: hunter-t", &["hunter-two-7"]), "too weak: …");
        assert_eq!(scrubbed("too weak: hu", &["hunter-two-7"]), "too weak: hu", "that may be any word");
    }

    #[test]
    fn a_secret_that_begins_another_one_does_not_save_its_end() {
        assert_eq!(scrubbed("maas and maas-2", &["maas", "maas-2"]), "… and …");
        assert_eq!(scrubbed("nothing", &["", " "]), "nothing");
    }
}

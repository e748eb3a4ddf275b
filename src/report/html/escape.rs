//! Texts from outside in a page.

use std::fmt::{self, Write as _};

/// A text that means nothing to HTML, between tags and in quoted attributes.
pub struct Html<'a>(pub &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_means_anything_to_html() {
        let escaped = Html("</script><img src=x onerror='y' \"&").to_string();
        assert_eq!(escaped, "&lt;/script&gt;&lt;img src=x onerror=&#39;y&#39; &quot;&amp;");
    }
}

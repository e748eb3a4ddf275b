//! Reads the versions of a profile. What is no version, or could mean several things, is an error with the way to write it.

use super::super::fact::plain;
use super::super::pattern::Pattern;
use super::super::range::{dash, parse};
use super::super::version::Version;
use super::super::want::Want;

/// Words with which people describe versions that a profile writes with signs.
const PROSE: [&str; 32] = [
    "above", "and", "any", "at", "before", "below", "between", "bis", "current", "except", "from", "last", "latest",
    "least", "max", "maximum", "min", "minimum", "most", "newer", "newest", "not", "older", "oldest", "or", "recent",
    "since", "than", "to", "until", "up", "x",
];

/// Parses the version or the range of versions that a profile requires; `words` are all possible values if there is a fixed list of them.
///
/// # Errors
/// A message with the way to write what was meant.
pub(super) fn expected(text: &str, words: &[&str]) -> Result<(Want, String), String> {
    let text = plain(text);
    if let Some(expression) = text.strip_prefix('~') {
        if expression.trim_start().starts_with(['>', '<', '=', '~']) {
            return Err(format!("\"{text}\" is no range: a range is \">=2.4, <3\", and ~ begins a regular expression"));
        }
        return Ok((Want::Text(Pattern::parse(&text, false)?), format!("matching {}", expression.trim())));
    }
    let read = |text: &str| one(text, words);
    let range = parse(&text, &read)?;
    if let Some(short) = range.shown.strip_suffix('+').filter(|_| range.is_one && !text.starts_with('=')) {
        return Err(format!("\"{text}\" may be one version or all from it on: write \"={text}\" or \">={short}\""));
    }
    if range.is_one {
        let shown = range.shown;
        let exactly = text.starts_with('=');
        let want = |version| if exactly { Want::Exactly(version) } else { Want::Version(version) };
        let shown = if exactly { format!("exactly {shown}") } else { shown };
        return range.low.map(|end| (want(end.value), shown)).ok_or_else(|| "no version".to_owned());
    }
    if let (Some(low), Some(high)) = (&range.low, &range.high) {
        let order = low.value.compare(&high.value);
        let Some(order) = order else {
            return Err(format!("the ends of {text} are versions of different schemes, so nothing is between them"));
        };
        let is_empty =
            order.is_gt() && !low.value.begins_with(&high.value) || order.is_eq() && !(low.included && high.included);
        if is_empty {
            return Err(format!("no version is in {text}"));
        }
    }
    Ok((Want::Versions(range.low, range.high), range.shown))
}

/// One version.
fn one(text: &str, words: &[&str]) -> Result<Version, String> {
    let version = Version::of(text);
    if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(version);
    }
    if let Some(range) = dash(text) {
        return Err(format!(
            "\"{text}\" may be a range or one version: a range is \"{range}\", this text alone is \"~{}\"",
            regex_syntax::escape(text)
        ));
    }
    if let Some(short) = text.strip_suffix(" or newer") {
        return Err(format!("\"{text}\" is no version; did you mean \">={short}\"?"));
    }
    if let Some(short) = [".x", ".X", ".*"].into_iter().find_map(|end| text.strip_suffix(end)) {
        return Err(format!("\"{text}\" is no version; for {short} and all {short}.… write \"{short}..{short}\""));
    }
    if let Some((sign, after)) = ["^", "~"].into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign)?.trim()))) {
        let first = after.split('.').next().and_then(|first| first.parse::<u64>().ok());
        if let Some(next) = first.and_then(|first| first.checked_add(1)) {
            return Err(format!("\"{sign}{after}\" is no version; did you mean \">={after}, <{next}\"?"));
        }
    }
    if text.contains([',', ';', '|']) || text.split(' ').any(|word| word == "or" || word == "oder") {
        return Err(format!("\"{text}\" is no version: one of several is a list, as [\"2.4.4\", \"2.4.5\"]"));
    }
    let is_prose = |word: &str| PROSE.contains(&word.to_ascii_lowercase().as_str());
    let odd = text.contains(['^', '*', '?', '~', '"', '\'', '&', '%', '$', '@', '[', ']', '{', '}', '\\']);
    if !version.has_number() || odd || text.split([' ', '-', '_']).any(is_prose) || !has_ends(text) {
        return Err(format!(
            "\"{text}\" is no version: a version has numbers, as \"2.4.4\", a range is \">=2.4.4\", \"<3\" or \"2.4..2.6\"; any other text is \"~{}\"",
            regex_syntax::escape(text)
        ));
    }
    Ok(version)
}

/// True if a version begins and ends as one, so that no sign of another program's ranges is taken for a separator.
fn has_ends(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '(')
        && text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_version_is_an_error_with_the_way_to_write_it() {
        for (text, hint) in [
            ("latest", "is no version: a version has numbers"),
            ("newest 2.4", "is no version"),
            ("at least 2.4", "a range is \">=2.4.4\""),
            ("2.4-2.6", "a range is \"2.4..2.6\", this text alone is \"~2\\.4\\-2\\.6\""),
            ("2.4 to 2.6", "a range is \"2.4..2.6\""),
            ("!=2.3", "a profile says what is allowed"),
            ("=>2.4", "did you mean \">=\"?"),
            ("~>2.4", "a range is \">=2.4, <3\""),
            ("^2.4", "is no version"),
            ("2.4.x", "write \"2.4..2.4\""),
            ("2.4.*", "write \"2.4..2.4\""),
            ("2.4+", "write \"=2.4+\" or \">=2.4\""),
            ("2.4 or newer", "did you mean \">=2.4\"?"),
            ("2.4.4 or 2.4.5", "a list"),
            ("2.4.4, 2.4.5", "a list"),
            (">=2.4, <2.3", "no version is in"),
            (">=2.4 >=2.5", "two lower ends"),
            ("2.4 <3", "begins with its sign"),
            (">=GDC5702Q, <0107", "different schemes"),
            ("2.4..", ""),
        ] {
            let read = expected(text, &[]);
            assert!(if hint.is_empty() { read.is_ok() } else { read.is_err() }, "{text}");
            if let Err(reason) = read {
                assert!(reason.contains(hint), "{text}: {reason}");
            }
        }
    }

    #[test]
    fn what_has_one_meaning_is_understood() {
        for (text, shown) in [
            ("v2.4.4", "v2.4.4"),
            (">=2.4.4 <3", "at least 2.4.4 and less than 3"),
            (">= 2.4.4 , < 3", "at least 2.4.4 and less than 3"),
            (">=2.4.4<3", "at least 2.4.4 and less than 3"),
            ("≥2.4.4", "at least 2.4.4"),
            ("2.4..2.6", "2.4 to 2.6"),
            ("..2.6", "at most 2.6"),
            ("=2.4", "exactly 2.4"),
            (">=22.39.1002 (MT_0000000359)", "at least 22.39.1002 (MT_0000000359)"),
            ("1.10-3", "1.10-3"),
            (">=2.5+", "at least 2.5+"),
            ("9.20 0x8000d95e 22.0.9", "9.20 0x8000d95e 22.0.9"),
            ("~GD.*", "matching GD.*"),
        ] {
            assert_eq!(expected(text, &[]).map(|(_, shown)| shown).as_deref(), Ok(shown), "{text}");
        }
        assert!(expected("none", &["none", "2.0"]).is_ok() && expected("some", &["none", "2.0"]).is_err());
    }
}

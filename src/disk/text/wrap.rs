//! Lines that were broken: by a terminal or a forum at a width, or by a mail program that marks where it did.

use std::borrow::Cow;

use super::{find, section};

/// Headings of tables, which are among the longest lines of a report: one that is broken tells how the text was.
const HEADINGS: [&str; 5] = [
    "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE",
    "ID# ATTRIBUTE_NAME          FLAGS    VALUE WORST THRESH FAIL RAW_VALUE",
    "Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error",
    "Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code",
    "Num  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]",
];

/// How a text was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// At this column, whatever stands there.
    Column(usize),
    /// Before the word that would go beyond this column.
    Word(usize),
}

/// Characters of a name that may be in the next line.
const LONGEST_REST: usize = 30;

/// How the text was broken, by the first heading that is, or the first statistic.
fn broken(text: &str) -> Option<Break> {
    let lines = || text.lines().zip(text.lines().skip(1)).filter(|(line, next)| line.len() > 4 && !next.is_empty());
    let heading = |line: &str| HEADINGS.iter().find(|heading| line != **heading && heading.starts_with(line));
    // The name of a statistic is the end of its line: what is in the next one is the rest of it.
    let rest_of_name = |next: &str| next.len() <= LONGEST_REST && !next.contains("0x") && !begins(next);
    let statistic = || {
        let broken = lines().find(|(line, next)| section::is_statistic(line) && rest_of_name(next));
        broken.map(|(line, _)| Break::Column(line.chars().count()))
    };
    let heading = lines().find_map(|(line, next)| {
        let rest = &heading(line)?[line.len()..];
        let next = next.trim_end();
        match () {
            () if !next.is_empty() && rest.starts_with(next) => Some(Break::Column(line.chars().count())),
            () if !next.is_empty() && rest.trim_start().starts_with(next) => {
                let longest = text.lines().filter(|line| line.contains("  ")).map(|line| line.chars().count()).max();
                longest.map(Break::Word)
            }
            () => None,
        }
    });
    heading.or_else(statistic)
}

/// True if a line begins an item of its own, so that it is no rest of the line before it.
fn begins(line: &str) -> bool {
    let words = line.trim_start();
    let mut parts = words.split_whitespace();
    let [first, second] = [parts.next(), parts.next()].map(Option::unwrap_or_default);
    let numbered =
        first.bytes().all(|byte| byte.is_ascii_digit()) && second.starts_with(|c: char| c.is_ascii_alphabetic());
    let signed = words.is_empty() || words.starts_with(['#', '|', '=']) || words.starts_with("0x");
    signed || numbered || ["read:", "write:", "verify:"].contains(&first) || section::is_known(words)
}

/// The text with its lines put together again, where a heading shows that they were broken.
pub(super) fn unbroken(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some(broken) = broken(&text) else { return text };
    let goes_on = |line: &str, next: &str| {
        let length = line.chars().count();
        let word = next.split_whitespace().next().unwrap_or_default();
        match broken {
            Break::Column(column) => length == column,
            Break::Word(longest) => length + 1 + word.chars().count() > longest,
        }
    };
    let mut whole = String::with_capacity(text.len());
    let mut before: Option<&str> = None;
    for line in text.lines() {
        match before {
            Some(last) if goes_on(last, line) && !begins(line) => {
                if matches!(broken, Break::Word(_)) {
                    whole.push(' ');
                }
            }
            Some(_) => whole.push('\n'),
            None => {}
        }
        whole.push_str(line);
        before = Some(line);
    }
    if text.ends_with('\n') {
        whole.push('\n');
    }
    Cow::Owned(whole)
}

/// The text of a mail in quoted-printable (RFC 2045), which writes the signs that begin every section in hexadecimal digits.
pub(super) fn unquoted(text: Cow<'_, str>) -> Cow<'_, str> {
    if find(&text, "=3D=3D=3D START OF ").is_none() {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match (first, code, behind) {
            (b'=', Some(code), _) => {
                bytes.push(code);
                &behind[2..]
            }
            (b'=', None, [b'\n', behind @ ..] | [b'\r', b'\n', behind @ ..]) => behind,
            _ => {
                bytes.push(*first);
                behind
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       0
194 Temperature_Celsius     0x0022   036   040   000    Old_age   Always       -       36 (Min/Max 15/39)
197 Current_Pending_Sector  0x0032   100   100   000    Old_age   Always       -       8

";

    fn words(text: &str) -> Vec<Vec<&str>> {
        text.lines().map(|line| line.split_whitespace().collect()).collect()
    }

    #[test]
    fn lines_that_were_broken_at_a_column_are_put_together() {
        for width in [60, 72, 79, 80, 87, 95] {
            let chunks = |line: &'static str| line.as_bytes().chunks(width).map(|part| String::from_utf8_lossy(part));
            let broken: String = TABLE
                .lines()
                .flat_map(|line| {
                    let mut parts: Vec<_> = chunks(line).collect();
                    if parts.is_empty() {
                        parts.push(Cow::Borrowed(""));
                    }
                    parts.into_iter().map(|part| format!("{part}\n"))
                })
                .collect();
            assert_eq!(unbroken(Cow::Owned(broken)), TABLE, "{width}");
        }
    }

    #[test]
    fn lines_that_were_broken_between_words_are_put_together() {
        let broken = TABLE.replace("  WHEN_FAILED", "\nWHEN_FAILED").replace("       -       ", "\n-       ");
        assert_eq!(words(&unbroken(Cow::Borrowed(&broken))), words(TABLE));
    }

    #[test]
    fn a_row_is_never_the_rest_of_another_one() {
        let rows = "197 Current_Pending_Sector  0x0032   100   100   000    Old_age   Always\n";
        let cut: String = TABLE.lines().map(|line| format!("{}\n", line.get(..80).unwrap_or(line))).collect();
        let text = unbroken(Cow::Owned(cut + rows));
        assert!(text.lines().filter(|line| line.starts_with("197 ")).count() == 2, "{text}");
    }

    #[test]
    fn quoted_printable_is_read() {
        let mail = "=3D=3D=3D START OF READ SMART DATA SECTION =3D=3D=3D\nNum  Test=\n_Description =E2=80=93\n";
        assert_eq!(
            unquoted(Cow::Borrowed(mail)),
            "=== START OF READ SMART DATA SECTION ===\nNum  Test_Description –\n"
        );
    }
}

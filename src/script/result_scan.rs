//! What can be said of a result file without reading it as YAML: which status it names, and whether a region could store it at all.

use super::Verdict;

/// Most levels of nesting. A region ends with an error that it repeats for ever at 500 (contract REGION, corrections 2); nothing that it
/// accepts of a result file needs more than three.
const DEEPEST: usize = 200;
/// Most digits of a number: beyond 4,300 the region's language gives up with an error (contract REGION, corrections 2).
const MOST_DIGITS: usize = 4300;

/// The worst status that a line at the left edge names (`status: failed`), also one that was cut in the middle of its word. Of text that
/// cannot be parsed nothing better may come than this.
pub(super) fn status(bytes: &[u8]) -> Option<Verdict> {
    // UTF-16 of plain words is those words and zeros.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, 0 | 0xff | 0xfe)).collect();
    let found = text.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(|line| {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let rest = [&b"status"[..], b"\"status\"", b"'status'"].iter().find_map(|key| line.strip_prefix(*key))?;
        let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii();
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
        let start = value.iter().position(is_letter)?;
        let length = value[start..].iter().position(|byte| !is_letter(byte)).unwrap_or(value.len() - start);
        let word = std::str::from_utf8(&value[start..start + length]).ok()?;
        let is_cut = text.ends_with(word.as_bytes()) && start + length == value.len();
        // A word of one letter more than none: what was cut before it says nothing.
        let means = |verdict: &Verdict| verdict.word() == word || is_cut && verdict.word().starts_with(word);
        BY_WEIGHT.into_iter().find(means)
    });
    found.min_by_key(|verdict| BY_WEIGHT.iter().position(|other| other == verdict))
}

/// The worst first.
const BY_WEIGHT: [Verdict; 5] =
    [Verdict::Failed, Verdict::TimedOut, Verdict::Degraded, Verdict::Skipped, Verdict::Passed];

/// Why a region would answer such a file with an error each time that it is sent, and never store the result. Errs on the side of
/// finding something: the status is then sent alone.
pub(super) fn poison(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    if is_too_deep(&text) {
        return Some(format!("it is nested more than {DEEPEST} levels deep"));
    }
    text.lines().find_map(|line| {
        let plain = without_quoted(line);
        let mut words = plain.split([' ', '\t', ',', '[', ']', '{', '}']).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            if let Some(kind) = word.strip_prefix("!!")
                && ["int", "float", "bool", "timestamp"].contains(&kind)
                && !words.peek().is_some_and(|value| fits(kind, value))
            {
                return Some(format!("it says {word} of something that is none"));
            }
            if word.bytes().filter(u8::is_ascii_digit).count() > MOST_DIGITS && is_number(word) {
                return Some(format!("it holds a number of more than {MOST_DIGITS} digits"));
            }
            if is_impossible_date(word, words.peek().copied()) {
                return Some(format!(
                    "it holds a date that there is not: {}",
                    word.chars().take(40).collect::<String>()
                ));
            }
        }
        None
    })
}

/// A line without what stands in quotes, and without its comment.
fn without_quoted(line: &str) -> String {
    let mut quote = None;
    let mut plain = String::new();
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if plain.is_empty() || plain.ends_with([' ', '[', '{', ',', ':']) => quote = Some(c),
            (None, '#') if plain.is_empty() || plain.ends_with(' ') => break,
            (None, _) => plain.push(c),
        }
    }
    plain
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit() || b"+-._xob:".contains(&byte))
}

fn fits(kind: &str, value: &str) -> bool {
    match kind {
        "bool" => ["yes", "no", "on", "off", "true", "false"].contains(&value.to_ascii_lowercase().as_str()),
        "timestamp" => value.len() >= 8 && value.bytes().take(4).all(|byte| byte.is_ascii_digit()),
        "int" => {
            value.strip_prefix(['+', '-']).unwrap_or(value).bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        }
        _ => value.replace('_', "").parse::<f64>().is_ok(),
    }
}

/// `2024-02-30`, or a time of a day that has no such hour, or an offset of more than a day.
fn is_impossible_date(word: &str, next: Option<&str>) -> bool {
    let (date, rest) = word.split_at_checked(word.find(['T', 't']).unwrap_or(word.len())).unwrap_or((word, ""));
    let parts: Vec<&str> = date.split('-').collect();
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let [year, month, day] = parts[..] else { return false };
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return false;
    }
    let number = |part: &str| part.parse::<i16>().unwrap_or(0);
    let (month, day) = (i8::try_from(number(month)).unwrap_or(0), i8::try_from(number(day)).unwrap_or(0));
    if number(year) == 0 || jiff::civil::Date::new(number(year), month, day).is_err() {
        return true;
    }
    let time = if rest.is_empty() { next.unwrap_or_default() } else { &rest[1..] };
    let is_time = time.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && time.contains(':');
    is_time && is_impossible_time(time)
}

fn is_impossible_time(time: &str) -> bool {
    let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let field = |text: &str, place: usize| text.split([':', '.']).nth(place).and_then(|part| part.parse::<u32>().ok());
    let (clock, offset) = (&time[..end], &time[end..]);
    let above = |value: Option<u32>, most: u32| value.is_some_and(|value| value > most);
    let offset = offset.trim_start_matches(['Z', '+', '-']);
    above(field(clock, 0), 23)
        || above(field(clock, 1), 59)
        || above(field(clock, 2), 59)
        || above(field(offset, 0), 23)
        || above(field(offset, 1), 59)
}

fn is_too_deep(text: &str) -> bool {
    let mut flow = 0_usize;
    let mut deepest = 0;
    let mut columns: Vec<usize> = Vec::new();
    for line in text.lines() {
        let indented = line.len() - line.trim_start_matches([' ']).len();
        while columns.last().is_some_and(|column| *column > indented) {
            columns.pop();
        }
        if columns.last() != Some(&indented) {
            columns.push(indented);
        }
        // A line of dashes opens a level with each.
        let dashes = line.split(' ').filter(|word| !word.is_empty()).take_while(|word| *word == "-").count();
        deepest = deepest.max(columns.len() + dashes);
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => flow += 1,
                b']' | b'}' => flow = flow.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(flow);
        }
    }
    deepest > DEEPEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_word_at_the_left_edge_counts() {
        let rows: [(&[u8], Option<Verdict>); 12] = [
            (b"status: failed\nresults: [", Some(Verdict::Failed)),
            (b"results: [\n'status' : \"degraded\" # so\n", Some(Verdict::Degraded)),
            (b"status: passed\nstatus: timedout\n", Some(Verdict::TimedOut)),
            (b"status: passed\n", Some(Verdict::Passed)),
            (b"status: FAIL\n", None),
            (b"status: fai", Some(Verdict::Failed)),
            (b"status: fai\n", None),
            (b"  status: failed\n", None),
            (b"statuses: failed\n", None),
            (b"status:\n", None),
            (b"", None),
            (b"\xff\xfes\0t\0a\0t\0u\0s\0:\0 \0f\0a\0i\0l\0e\0d\0\n\0", Some(Verdict::Failed)),
        ];
        for (text, expected) in rows {
            assert_eq!(status(text), expected, "{:?}", String::from_utf8_lossy(text));
        }
    }

    /// Contract REGION, corrections 2.
    #[test]
    fn what_a_region_would_choke_on_for_ever_is_found() {
        let deep = format!("x: {}1{}", "[".repeat(500), "]".repeat(500));
        let digits = format!("x: {}", "1".repeat(5000));
        let poisons = [
            "a: 2024-02-30",
            "a: [1, 2024-13-01]",
            "a: 2024-01-01T25:00:00Z",
            "a: 2024-01-01 10:00:00+99:99",
            "a: !!int abc",
            "a: !!float x",
            "a: !!bool maybe",
            "a: !!timestamp soon",
            "a: 0000-01-01",
            &digits,
            &deep,
        ];
        for text in poisons {
            assert!(poison(text.as_bytes()).is_some(), "{}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn what_a_region_stores_or_refuses_is_no_poison() {
        let dashes = format!("a: {}", "-".repeat(300));
        let rows = [
            "a: 2024-02-29",
            "a: '2024-02-30'",
            "a: \"x\" # 2024-02-30",
            "a: 2024-05-01T10:20:30Z",
            "a: 2024-05-01 10:20:30 +02:00",
            "a: !!int 12",
            "a: !!str abc",
            "a: 10.0.0-13-99",
            "serial: 2024-99-99-7",
            "a: [[[1]]]",
            "- - 1",
            &dashes,
        ];
        for text in rows {
            assert_eq!(poison(text.as_bytes()), None, "{text}");
        }
    }
}

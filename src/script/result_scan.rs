//! What can be said of a result file without reading it as YAML: which status it names.

use super::Verdict;

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
}

//! What can be said of a result file without reading it as YAML: which status it names.

use super::Verdict;

/// The worst status that the text names at its left edge (`status: failed`), which is where its first line begins, or in braces
/// (`{"status": "failed"`); also one that was cut in the middle of its word. Of text that cannot be parsed nothing better may come than this.
pub(super) fn status(bytes: &[u8]) -> Option<Verdict> {
    // UTF-16 of plain words is those words and zeros.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, 0 | 0xff | 0xfe)).collect();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let lines = || text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let content = |line: &&[u8]| !matches!(line.trim_ascii_start().first(), None | Some(b'#' | b'%'));
    let first =
        lines().filter(|line| !line.starts_with(b"---") || line.contains(&b'{')).find(content).unwrap_or_default();
    let is_in_braces =
        first.trim_ascii_start().strip_prefix(b"---").unwrap_or(first).trim_ascii_start().starts_with(b"{");
    let pieces: Vec<&[u8]> = if is_in_braces {
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'{' | b',');
        text.split(ends).map(<[u8]>::trim_ascii_start).collect()
    } else {
        let edge = first.len() - first.trim_ascii_start().len();
        lines().filter_map(|line| line.strip_prefix(&first[..edge])).collect()
    };
    let found = pieces.into_iter().filter_map(|piece| named(piece, text));
    found.min_by_key(|verdict| BY_WEIGHT.iter().position(|other| other == verdict))
}

/// The verdict that a piece of the text names, if it is about the status.
fn named(piece: &[u8], text: &[u8]) -> Option<Verdict> {
    let rest = [&b"status"[..], b"\"status\"", b"'status'"].iter().find_map(|key| piece.strip_prefix(*key))?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii();
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    let start = value.iter().position(is_letter)?;
    let length = value[start..].iter().position(|byte| !is_letter(byte)).unwrap_or(value.len() - start);
    let word = std::str::from_utf8(&value[start..start + length]).ok()?;
    let is_cut = text.ends_with(word.as_bytes()) && start + length == value.len();
    // A word of one letter more than none: what was cut before it says nothing.
    let means = |verdict: &Verdict| verdict.word() == word || is_cut && verdict.word().starts_with(word);
    BY_WEIGHT.into_iter().find(means)
}

/// The worst first.
const BY_WEIGHT: [Verdict; 5] =
    [Verdict::Failed, Verdict::TimedOut, Verdict::Degraded, Verdict::Skipped, Verdict::Passed];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_word_at_the_left_edge_counts() {
        let rows: [(&[u8], Option<Verdict>); 19] = [
            (b"status: failed\nresults: [", Some(Verdict::Failed)),
            (b"results: [\n'status' : \"degraded\" # so\n", Some(Verdict::Degraded)),
            (b"status: passed\nstatus: timedout\n", Some(Verdict::TimedOut)),
            (b"status: passed\n", Some(Verdict::Passed)),
            (b"status: FAIL\n", None),
            (b"status: fai", Some(Verdict::Failed)),
            (b"status: fai\n", None),
            (b"results: [\n  status: failed\n", None),
            (b"  results: [\n  status: failed\n    status: timedout", Some(Verdict::Failed)),
            (b"{\"status\": \"failed\", \"resu", Some(Verdict::Failed)),
            (b"--- {results: {a: 1}, status: degraded, link", Some(Verdict::Degraded)),
            (b"---\n# so\n{\n  \"results\": {},\n  \"status\" : \"timed", Some(Verdict::TimedOut)),
            (b"{\"status\": \"timedo", Some(Verdict::TimedOut)),
            (b"{status: passed, results: [", Some(Verdict::Passed)),
            (b"{\"results\": {\"status\": \"failed\"}, \"status\": \"passed\"", Some(Verdict::Failed)),
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

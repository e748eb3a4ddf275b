//! What somebody may have meant.

/// The known name that needs the fewest changes.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    known.min_by_key(|one| distance(name, one)).unwrap_or_default()
}

/// How many characters have to be put in, taken out or replaced.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, c) in from.chars().enumerate() {
        let mut above_left = std::mem::replace(&mut row[0], place + 1);
        for (at, other) in to.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = (above_left + usize::from(c != *other)).min(above + 1).min(row[at] + 1);
            above_left = above;
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_changes_win() {
        let known = ["journal.keep_runs", "journal.keep_days", "sync.full_after_days"];
        let meant = |name: &str| nearest(name, known.iter().map(|one| (*one).to_owned()));
        assert_eq!(meant("journal.keep_day"), "journal.keep_days");
        assert_eq!(meant("jornal.keepruns"), "journal.keep_runs");
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("kitten", "sitting")), (3, 0, 3));
    }
}

//! What somebody may have meant.

/// The known name that needs the fewest changes.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    known.min_by_key(|one| strsim::levenshtein(name, one)).unwrap_or_default()
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
    }
}

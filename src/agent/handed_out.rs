//! The scripts that the region has handed out in a run. Only those that were handed out and have ended can be passed: whoever stands between a machine and its
//! region may answer "nothing to run", too, and what ran before the agent lost its memory may have failed.

use std::collections::BTreeSet;

use crate::journal::ResultRecord;
use crate::script::{Index, Script, ScriptType};

/// A script of a run, whatever numbers its results have: the region makes new ones when it learns of more disks or interfaces.
type Name = (ScriptType, String);

/// The scripts that the region has handed out in a run, and those of them that have ended.
#[derive(Debug, Default)]
pub(super) struct HandedOut {
    listed: BTreeSet<Name>,
    ended: BTreeSet<Name>,
    /// Begun in a run that was given up for this one.
    known: BTreeSet<Name>,
    has_forgotten: bool,
}

impl HandedOut {
    /// Results of a run that was given up: what it began is known, and what failed in it the region still holds.
    pub(super) fn know(&mut self, results: &[ResultRecord]) {
        let tests = || results.iter().filter(|result| result.kind == ScriptType::Testing);
        self.known.extend(tests().map(|result| (result.kind, result.name.clone())));
        self.has_forgotten |= tests().any(|result| result.status.is_failure());
    }

    /// The region hands these out; `is_known` tells of a script if this agent has begun it. A test that was begun by nobody that is known is
    /// one of a run whose beginning is forgotten. The region judges commissioning by all of its results itself.
    pub(super) fn list(&mut self, index: &Index, is_known: impl Fn(&Script) -> bool) {
        self.listed.extend(index.scripts.iter().map(|script| (script.kind, script.name.clone())));
        let is_known = |script: &Script| is_known(script) || self.known.contains(&(script.kind, script.name.clone()));
        self.has_forgotten |= index.of(ScriptType::Testing).any(|script| script.has_started && !is_known(script));
    }

    /// A script has ended.
    pub(super) fn end(&mut self, kind: ScriptType, name: &str) {
        self.ended.insert((kind, name.to_owned()));
    }

    /// The region lets a script run again.
    pub(super) fn begin_anew(&mut self, script: &Script) {
        self.ended.remove(&(script.kind, script.name.clone()));
    }

    /// True of an answer that may be somebody else's: it leaves out what the region has handed out, or is the first one, and empty.
    pub(super) fn is_doubtful(&self, answer: Option<&Index>) -> bool {
        let is_in = |(kind, name): &Name| {
            answer.is_some_and(|index| index.of(*kind).any(|script| script.name == *name))
                || answer.is_some_and(|index| index.bad.iter().any(|bad| bad.kind == *kind && bad.name == *name))
        };
        let is_first_and_empty = answer.is_none() && self.listed.is_empty();
        is_first_and_empty || self.open().any(|name| !is_in(name))
    }

    /// The scripts that were handed out and never ended.
    pub(super) fn unended(&self) -> Vec<&str> {
        self.open().map(|(_, name)| name.as_str()).collect()
    }

    /// True if tests of this run may have ended before this agent remembers.
    pub(super) fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    fn open(&self) -> impl Iterator<Item = &Name> {
        self.listed.difference(&self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse_index;

    fn index(json: &str) -> Index {
        parse_index(format!("{{\"1.0\": {json}}}").as_bytes()).expect("an index")
    }

    fn entry(name: &str, id: u32, has_started: bool) -> String {
        format!(
            "{{\"name\": \"{name}\", \"path\": \"testing/{name}\", \"script_result_id\": {id}, \"script_version_id\": 1, \
             \"has_started\": {has_started}}}"
        )
    }

    #[test]
    fn nothing_is_believed_that_leaves_out_what_was_handed_out() {
        let mut seen = HandedOut::default();
        assert!(seen.is_doubtful(None), "the first answer, and empty");
        let both = index(&format!("{{\"testing_scripts\": [{}, {}]}}", entry("a", 1, false), entry("b", 2, false)));
        assert!(!seen.is_doubtful(Some(&both)));
        seen.list(&both, |_| false);
        assert!(seen.is_doubtful(None));
        let renumbered = index(&format!("{{\"testing_scripts\": [{}]}}", entry("b", 7, false)));
        assert!(seen.is_doubtful(Some(&renumbered)), "where is a?");
        seen.end(ScriptType::Testing, "a");
        assert!(!seen.is_doubtful(Some(&renumbered)));
        assert_eq!(seen.unended(), ["b"]);
        seen.end(ScriptType::Testing, "b");
        assert!(!seen.is_doubtful(None), "all of it has ended");
        seen.begin_anew(&renumbered.scripts[0]);
        assert_eq!(seen.unended(), ["b"], "it has to run again");
        seen.end(ScriptType::Testing, "b");
        assert!(!seen.has_forgotten());
    }

    /// Tests of a resumed run may not have been handed out yet.
    #[test]
    fn the_first_answer_is_doubted_also_after_an_interruption() {
        let mut seen = HandedOut::default();
        seen.end(ScriptType::Commissioning, "a");
        assert!(seen.is_doubtful(None));
    }

    #[test]
    fn a_test_that_nobody_remembers_to_have_begun_is_of_a_forgotten_run() {
        let begun = index(&format!("{{\"testing_scripts\": [{}]}}", entry("b", 2, true)));
        let mut seen = HandedOut::default();
        seen.list(&begun, |_| true);
        assert!(!seen.has_forgotten());
        seen.list(&begun, |_| false);
        assert!(seen.has_forgotten());
    }
}

//! The scripts that the region has handed out in a run. Only those that were handed out and have ended can be passed: whoever stands between a machine and its
//! region may answer "nothing to run", too, and what ran before the agent lost its memory may have failed.

use std::collections::BTreeSet;

use crate::journal::ResultRecord;
use crate::script::{Index, Script, ScriptType};

type Name = (ScriptType, String);

/// The region's number of a result; `None` while enlisting.
type Number = Option<i64>;

/// The results that the region has handed out in a run, and those of them that have ended. A script has several: one for each disk or interface.
#[derive(Debug, Default)]
pub(super) struct HandedOut {
    /// Those that count.
    listed: BTreeSet<(Name, Number)>,
    /// Those that counted before the region made new ones, which it does when it learns of other disks or interfaces.
    replaced: BTreeSet<(Name, Number)>,
    ended: BTreeSet<(Name, Number)>,
    /// Begun in a run that was given up for this one.
    known: BTreeSet<Name>,
    /// Begun by MAAS's runner, from which the agent has taken over.
    taken_over: Number,
    has_forgotten: bool,
}

impl HandedOut {
    /// Results of a run that was given up: what it began is known, and what failed in it the region still holds.
    pub(super) fn know(&mut self, results: &[ResultRecord]) {
        let tests = || results.iter().filter(|result| result.kind == ScriptType::Testing);
        self.known.extend(tests().map(|result| (result.kind, result.name.clone())));
        self.has_forgotten |= tests().any(|result| result.status.is_failure());
    }

    /// The result that MAAS's runner had begun when this agent took over.
    pub(super) fn take_over(&mut self, begun: Number) {
        self.taken_over = begun;
    }

    /// The region hands these out; `is_known` tells of a script if this agent has begun it. A test that was begun by nobody that is known is
    /// one of a run whose beginning is forgotten. The region judges commissioning by all of its results itself.
    pub(super) fn list(&mut self, index: &Index, is_known: impl Fn(&Script) -> bool) {
        let renumbered = self.renumbered(index);
        let replaced: Vec<_> = self.missing(index).filter(|(name, _)| renumbered.contains(name)).cloned().collect();
        for result in replaced {
            self.listed.remove(&result);
            self.replaced.insert(result);
        }
        self.listed.extend(index.scripts.iter().map(key));
        let is_known = |script: &Script| {
            let is_taken_over = script.result_id.is_some() && script.result_id == self.taken_over;
            is_taken_over || is_known(script) || self.known.contains(&(script.kind, script.name.clone()))
        };
        self.has_forgotten |= index.of(ScriptType::Testing).any(|script| script.has_started && !is_known(script));
    }

    /// A script has ended.
    pub(super) fn end(&mut self, kind: ScriptType, name: &str, number: Number) {
        self.ended.insert(((kind, name.to_owned()), number));
    }

    /// The region lets a script run again.
    pub(super) fn begin_anew(&mut self, script: &Script) {
        self.ended.remove(&key(script));
    }

    /// True of an answer that may be somebody else's: it leaves out what the region has handed out, or is the first one, and empty. A result may
    /// be left out when the region has made new ones of its script.
    pub(super) fn is_doubtful(&self, answer: Option<&Index>) -> bool {
        let Some(index) = answer else { return self.listed.is_empty() || self.open().next().is_some() };
        let renumbered = self.renumbered(index);
        self.missing(index).any(|(name, _)| !renumbered.contains(name))
    }

    /// The scripts that were handed out and never ended, each once.
    pub(super) fn unended(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.open().map(|((_, name), _)| name.as_str()).collect();
        names.dedup();
        names
    }

    /// True if tests of this run may have ended before this agent remembers.
    pub(super) fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    fn open(&self) -> impl Iterator<Item = &(Name, Number)> {
        self.listed.difference(&self.ended)
    }

    /// Results that have not ended and are not in an answer.
    fn missing(&self, index: &Index) -> impl Iterator<Item = &(Name, Number)> {
        let bad = index.bad.iter().map(|bad| ((bad.kind, bad.name.clone()), bad.result_id));
        let there: BTreeSet<_> = index.scripts.iter().map(key).chain(bad).collect();
        self.open().filter(move |result| !there.contains(result))
    }

    /// The scripts for which an answer has results that no answer had before.
    fn renumbered(&self, index: &Index) -> BTreeSet<Name> {
        let is_new = |result: &(Name, Number)| !self.listed.contains(result) && !self.replaced.contains(result);
        index.scripts.iter().map(key).filter(is_new).map(|(name, _)| name).collect()
    }
}

fn key(script: &Script) -> (Name, Number) {
    ((script.kind, script.name.clone()), script.result_id)
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
        seen.end(ScriptType::Testing, "a", Some(1));
        assert!(!seen.is_doubtful(Some(&renumbered)));
        seen.list(&renumbered, |_| false);
        assert_eq!(seen.unended(), ["b"]);
        assert!(seen.is_doubtful(Some(&both)), "an old answer, which somebody kept");
        seen.end(ScriptType::Testing, "b", Some(7));
        assert!(!seen.is_doubtful(None), "all of it has ended");
        seen.begin_anew(&renumbered.scripts[0]);
        assert_eq!(seen.unended(), ["b"], "it has to run again");
        seen.end(ScriptType::Testing, "b", Some(7));
        assert!(!seen.has_forgotten());
    }

    #[test]
    fn one_disk_of_several_is_not_left_out() {
        let mut seen = HandedOut::default();
        let two =
            index(&format!("{{\"testing_scripts\": [{}, {}]}}", entry("smart", 1, false), entry("smart", 2, false)));
        seen.list(&two, |_| false);
        let second = index(&format!("{{\"testing_scripts\": [{}]}}", entry("smart", 2, false)));
        assert!(seen.is_doubtful(Some(&second)), "where is the first disk?");
        seen.end(ScriptType::Testing, "smart", Some(1));
        assert!(!seen.is_doubtful(Some(&second)));
        assert!(seen.is_doubtful(None), "where is the second disk?");
        assert_eq!(seen.unended(), ["smart"]);
    }

    /// Commissioning tells a region of the disks: it makes the results of their tests anew.
    #[test]
    fn the_region_may_make_new_results_of_a_script() {
        let mut seen = HandedOut::default();
        let two =
            index(&format!("{{\"testing_scripts\": [{}, {}]}}", entry("smart", 1, false), entry("smart", 2, false)));
        seen.list(&two, |_| false);
        let anew = index(&format!("{{\"testing_scripts\": [{}]}}", entry("smart", 3, false)));
        assert!(!seen.is_doubtful(Some(&anew)));
        seen.list(&anew, |_| false);
        seen.end(ScriptType::Testing, "smart", Some(3));
        assert!(seen.unended().is_empty(), "the earlier ones do not count any more");
        assert!(!seen.is_doubtful(None));
    }

    /// Tests of a resumed run may not have been handed out yet.
    #[test]
    fn the_first_answer_is_doubted_also_after_an_interruption() {
        let mut seen = HandedOut::default();
        seen.end(ScriptType::Commissioning, "a", Some(1));
        assert!(seen.is_doubtful(None));
    }

    #[test]
    fn a_test_that_nobody_remembers_to_have_begun_is_of_a_forgotten_run() {
        let begun = index(&format!("{{\"testing_scripts\": [{}]}}", entry("b", 2, true)));
        let mut seen = HandedOut::default();
        seen.list(&begun, |_| true);
        assert!(!seen.has_forgotten());
        seen.take_over(Some(2));
        seen.list(&begun, |_| false);
        assert!(!seen.has_forgotten(), "MAAS's runner has begun it");
        seen.take_over(Some(3));
        seen.list(&begun, |_| false);
        assert!(seen.has_forgotten());
    }
}

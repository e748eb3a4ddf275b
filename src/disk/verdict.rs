//! The verdict of a drive and the reasons for it.

use serde::Serialize;

use super::access;
use super::measure::{Seen, look};
use super::model::Report;
use super::parse::Unreadable;
use super::policy::Policy;
use super::rule::{Rule, Severity, When};
use super::table::RULES;

/// The state of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing counts against it.
    Healthy,
    /// The drive works, and something counts against it.
    Degraded,
    /// The drive is defective.
    Failed,
    /// The device cannot be judged and never could: virtual, a RAID volume, no SMART.
    NotSupported,
    /// The drive should have been judged and was not: no permission, no output, a report that breaks off. Never a pass, never a skip.
    Error,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::NotSupported => "not-supported",
            Self::Error => "error",
        }
    }
}

/// A verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judgement {
    /// The state of the drive.
    pub verdict: Verdict,
    /// The reasons, gravest first; those that are only worth knowing are among them.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// The stable name of the rule.
    pub code: &'static str,
    /// The weight of it for the verdict.
    pub severity: Severity,
    /// The time that the reason is about.
    pub when: When,
    /// The reason was not there, or was less, at the last run. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
    /// The subject, where a code may stand more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The finding, in words.
    pub seen: String,
    /// The finding as a number. Absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The number at the last look. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The number from which on it counts: the drive's threshold, or the rule's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// The meaning of it.
    pub meaning: &'static str,
    /// The next step.
    pub next: &'static str,
}

/// Judges a drive. With its previous report, reasons that were not there or were less are marked as new, which a policy may count.
#[must_use]
pub fn judge(report: &Report, policy: &Policy, previous: Option<&Report>) -> Judgement {
    let mut reasons: Vec<Reason> = RULES.iter().flat_map(|rule| apply(rule, report, policy, previous)).collect();
    // A part of a report, such as a log of self-tests alone, may show a defect; then that is the answer, not what is missing.
    if reasons.iter().any(|reason| matches!(reason.severity, Severity::Degraded | Severity::Failed)) {
        let yields = |code: &str| RULES.iter().any(|rule| rule.code == code && rule.yields);
        reasons.retain(|reason| !yields(reason.code));
    }
    conclude(reasons, access::is_evidence(report))
}

/// Judges output that holds no report: an error.
#[must_use]
pub fn judge_unreadable(why: &Unreadable) -> Judgement {
    let rule = RULES.iter().find(|rule| rule.code == "unreadable");
    let seen = Seen { words: why.to_string(), ..Seen::default() };
    conclude(rule.map(|rule| reason(rule, rule.severity, None, seen)).into_iter().collect(), false)
}

fn apply(rule: &Rule, report: &Report, policy: &Policy, previous: Option<&Report>) -> Vec<Reason> {
    let limit = policy.limit(rule);
    let before = previous.map(|previous| look(rule.measure, previous));
    let judged = |seen: Seen| {
        let counts = seen.number.is_none_or(|number| limit.counts(number));
        let told = counts || rule.told_below && seen.number.is_some_and(|number| number > 0);
        let severity = if counts { policy.severity(rule) } else { Severity::Info };
        let reason = told.then(|| reason(rule, severity, limit.number(), seen))?;
        Some(match &before {
            None => reason,
            Some(before) => compared(reason, rule, before, policy),
        })
    };
    look(rule.measure, report).into_iter().filter_map(judged).collect()
}

fn reason(rule: &Rule, severity: Severity, limit: Option<u64>, seen: Seen) -> Reason {
    Reason {
        code: rule.code,
        severity,
        when: rule.when,
        new: None,
        subject: seen.subject,
        seen: seen.words,
        number: seen.number,
        before: None,
        threshold: seen.threshold.or(limit),
        meaning: rule.meaning,
        next: rule.next,
    }
}

/// Compares with the last look. What counts down gets worse by getting less; what was not there then, or less, is new; what grew may
/// count for more than what is there.
fn compared(mut reason: Reason, rule: &Rule, before: &[Seen], policy: &Policy) -> Reason {
    let same = before.iter().find(|one| one.subject == reason.subject);
    let numbers = same.and_then(|one| one.number).zip(reason.number);
    let counted = |number: u64| policy.limit(rule).counts(number) || rule.told_below && number > 0;
    let new = match (same, numbers) {
        (None, _) => true,
        (Some(one), None) => one.words != reason.seen && reason.code.starts_with("self-test"),
        (Some(_), Some((was, is))) if rule.falls() => is < was,
        (Some(_), Some((was, is))) => is > was || !counted(was),
    };
    reason.new = Some(new);
    reason.before = numbers.map(|(was, _)| was);
    if let Some((was, is)) = numbers.filter(|(was, is)| new && was != is) {
        reason.seen = format!("{}, {was} at the last look", reason.seen);
        if let Some(grown) = rule.grown.filter(|_| is > was) {
            let severity = policy.severity_of_growth(rule, grown.severity);
            reason.severity = reason.severity.max(severity);
            reason.next = if severity > Severity::Info { grown.next } else { reason.next };
        }
    }
    if new {
        reason.severity = policy.severity_if_new(reason.code).unwrap_or(reason.severity);
    }
    reason
}

fn conclude(mut reasons: Vec<Reason>, evidence: bool) -> Judgement {
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    let verdict = match reasons.first().map(|reason| reason.severity) {
        Some(Severity::Failed) => Verdict::Failed,
        Some(Severity::Error) => Verdict::Error,
        Some(Severity::NotSupported) => Verdict::NotSupported,
        Some(Severity::Degraded) => Verdict::Degraded,
        // Without evidence nothing is healthy, whatever a policy makes of the reasons.
        Some(Severity::Info) | None if !evidence => Verdict::Error,
        Some(Severity::Info) | None => Verdict::Healthy,
    };
    Judgement { verdict, reasons }
}

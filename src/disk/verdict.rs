//! The verdict of a drive and the reasons for it.

use serde::Serialize;

use super::access;
use super::measure::{Seen, look};
use super::model::Report;
use super::parse::Unreadable;
use super::policy::Policy;
use super::rule::{RULES, Rule, Severity, When};

/// How a drive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing counts against it.
    Healthy,
    /// It works, and something counts against it.
    Degraded,
    /// It is defective.
    Failed,
    /// It cannot be judged and never could: virtual, a RAID volume, no SMART.
    NotSupported,
    /// It should have been judged and was not: no permission, no output, a report that breaks off. Never a pass, never a skip.
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
pub struct Judgement {
    /// How the drive is.
    pub verdict: Verdict,
    /// Why, gravest first; what is only worth knowing is there, too.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The stable name of the rule.
    pub code: &'static str,
    /// What it makes of the verdict.
    pub severity: Severity,
    /// Whether it is so now.
    pub when: When,
    /// Whether it was not there, or was less, at the last run. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
    /// What it is about, where a code may stand more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was seen, in words.
    pub seen: String,
    /// As a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// From which number on it counts: the drive's threshold, or the rule's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// What it means.
    pub meaning: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// Judges a drive. With its previous report, reasons that were not there or were less are marked as new, which a policy may count.
#[must_use]
pub fn judge(report: &Report, policy: &Policy, previous: Option<&Report>) -> Judgement {
    let mut reasons: Vec<Reason> = RULES.iter().flat_map(|rule| apply(rule, report, policy)).collect();
    // A part of a report, such as a log of self-tests alone, may show a defect; then that is the answer, not what is missing.
    if reasons.iter().any(|reason| matches!(reason.severity, Severity::Degraded | Severity::Failed)) {
        reasons.retain(|reason| !["no-health-data", "smart-off"].contains(&reason.code));
    }
    if let Some(previous) = previous {
        let before: Vec<Reason> = RULES.iter().flat_map(|rule| apply(rule, previous, policy)).collect();
        for reason in &mut reasons {
            mark(reason, &before, policy);
        }
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

fn apply(rule: &Rule, report: &Report, policy: &Policy) -> Vec<Reason> {
    let limit = policy.limit(rule);
    let severity = policy.severity(rule);
    let counts = |seen: &Seen| seen.number.is_none_or(|number| limit.counts(number));
    let seen = look(rule.measure, report).into_iter().filter(counts);
    seen.map(|seen| reason(rule, severity, limit.number(), seen)).collect()
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
        threshold: seen.threshold.or(limit),
        meaning: rule.meaning,
        next: rule.next,
    }
}

/// Compares with the last run. What counts down gets worse by getting less.
fn mark(reason: &mut Reason, before: &[Reason], policy: &Policy) {
    let same = before.iter().find(|one| one.code == reason.code && one.subject == reason.subject);
    let falls = matches!(reason.code, "wear-left" | "spare-exhausted" | "attribute-failing" | "attribute-aged");
    let new = match same {
        None => true,
        Some(one) if one.number.is_none() => one.seen != reason.seen && reason.code.starts_with("self-test-failed"),
        Some(one) if falls => reason.number < one.number,
        Some(one) => reason.number > one.number,
    };
    reason.new = Some(new);
    if new {
        reason.severity = policy.severity_if_new(reason.code).unwrap_or(reason.severity);
    }
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

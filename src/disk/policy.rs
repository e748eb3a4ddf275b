//! What a site thinks otherwise: a TOML file that raises or lowers each rule.
//!
//! ```toml
//! pending-sectors = "failed"                          # what the reason makes of the verdict
//! reallocated-sectors = { limit = 50 }                # from which number on it counts
//! crc-errors = { counts = "info", new = "degraded" }  # what it makes of it if it is new since the last run
//! ```

use std::collections::BTreeMap;

use super::rule::{Limit, Rule, Severity};
use super::table::RULES;

/// What a site thinks otherwise; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    changes: BTreeMap<String, Change>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    counts: Option<Severity>,
    new: Option<Severity>,
    limit: Option<u64>,
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML.
    #[error("the policy is no TOML: {0}")]
    Malformed(String),
    /// No rule has this code.
    #[error("no rule has the code `{code}`; did you mean `{suggestion}`?")]
    UnknownCode {
        /// What is written.
        code: String,
        /// What may be meant.
        suggestion: &'static str,
    },
    /// A key or a value that means nothing.
    #[error("`{code}` in the policy: {problem}")]
    Meaningless {
        /// The rule.
        code: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// When it is no TOML, or names a rule, a word or a limit that there is not: a misspelt rule would otherwise be no rule.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| PolicyError::Malformed(error.to_string().trim().to_owned()))?;
        let mut changes = BTreeMap::new();
        for (code, value) in table {
            let Some(rule) = RULES.iter().find(|rule| rule.code == code) else {
                return Err(PolicyError::UnknownCode { suggestion: nearest(&code), code });
            };
            let change =
                change(rule, &value).map_err(|problem| PolicyError::Meaningless { code: code.clone(), problem })?;
            changes.insert(code, change);
        }
        Ok(Self { changes })
    }

    fn change(&self, code: &str) -> Change {
        self.changes.get(code).copied().unwrap_or_default()
    }

    /// What a reason makes of the verdict here.
    pub(super) fn severity(&self, rule: &Rule) -> Severity {
        self.change(rule.code).counts.unwrap_or(rule.severity)
    }

    /// What it makes of it if it is new, where that is set.
    pub(super) fn severity_if_new(&self, code: &str) -> Option<Severity> {
        self.change(code).new
    }

    /// What growth makes of it: a site that has its own word for the rule, or for what is new, has decided that, too.
    pub(super) fn severity_of_growth(&self, rule: &Rule, by_rule: Severity) -> Severity {
        let change = self.change(rule.code);
        if change.counts.is_some() || change.new.is_some() { Severity::Info } else { by_rule }
    }

    /// From which number on it counts here.
    pub(super) fn limit(&self, rule: &Rule) -> Limit {
        self.change(rule.code).limit.map_or(rule.limit, |limit| rule.limit.at(limit))
    }
}

fn change(rule: &Rule, value: &toml::Value) -> Result<Change, String> {
    let table = match value {
        toml::Value::String(_) => return Ok(Change { counts: Some(severity(value)?), ..Change::default() }),
        toml::Value::Table(table) => table,
        _ => return Err("write a word such as \"failed\", or { counts = …, new = …, limit = … }".to_owned()),
    };
    let mut change = Change::default();
    for (key, value) in table {
        match key.as_str() {
            "counts" => change.counts = Some(severity(value)?),
            "new" => change.new = Some(severity(value)?),
            "limit" if rule.limit == Limit::None => return Err("this rule has no limit of its own".to_owned()),
            "limit" => {
                let limit = value.as_integer().and_then(|limit| u64::try_from(limit).ok());
                change.limit = Some(limit.ok_or("a limit is a whole number that is not negative")?);
            }
            _ => return Err(format!("there is no `{key}`, only counts, new and limit")),
        }
    }
    Ok(change)
}

fn severity(value: &toml::Value) -> Result<Severity, String> {
    let word = value.as_str().unwrap_or_default();
    let known = [
        ("info", Severity::Info),
        ("degraded", Severity::Degraded),
        ("failed", Severity::Failed),
        ("error", Severity::Error),
        ("not-supported", Severity::NotSupported),
    ];
    let found = known.into_iter().find(|(name, _)| *name == word).map(|(_, severity)| severity);
    found.ok_or_else(|| format!("{word:?} is none of info, degraded, failed, error and not-supported"))
}

/// The code that is fewest edits away.
fn nearest(code: &str) -> &'static str {
    RULES.iter().map(|rule| rule.code).min_by_key(|known| strsim::levenshtein(code, known)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_code_is_an_error_with_a_suggestion() {
        let error = Policy::parse("pending-sector = \"failed\"").expect_err("misspelt");
        assert!(error.to_string().contains("did you mean `pending-sectors`"), "{error}");
    }

    #[test]
    fn what_means_nothing_is_an_error_that_names_the_rule() {
        for policy in [
            "crc-errors = 5",
            "crc-errors = \"bad\"",
            "crc-errors = { limits = 5 }",
            "crc-errors = { limit = -5 }",
            "status-failed = { limit = 5 }",
        ] {
            let error = Policy::parse(policy).expect_err(policy).to_string();
            let code = policy.split(' ').next().expect("a code");
            assert!(error.contains(code), "{policy}: {error}");
        }
        assert!(matches!(Policy::parse("x = ["), Err(PolicyError::Malformed(_))));
    }

    #[test]
    fn every_code_is_there_once() {
        let mut codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}

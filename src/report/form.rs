//! The forms that a report is written in.

use std::path::Path;

use super::model::Report;
use super::{html, junit, markdown, ocp};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One page, for people.
    Html,
    /// For tickets and chats.
    Markdown,
    /// For programs.
    Json,
    /// For CI systems.
    Junit,
    /// Test & Validation output of the Open Compute Project, one JSON object per line.
    Ocp,
}

impl Form {
    /// By the ending of a file's name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Form> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "html" | "htm" => Some(Form::Html),
            "md" | "markdown" => Some(Form::Markdown),
            "json" => Some(Form::Json),
            "xml" => Some(Form::Junit),
            "jsonl" => Some(Form::Ocp),
            _ => None,
        }
    }

    /// A report in this form.
    #[must_use]
    pub fn write(self, report: &Report) -> String {
        match self {
            Form::Html => html::page(report),
            Form::Markdown => markdown::page(report),
            // Writing names and texts to memory cannot fail.
            Form::Json => serde_json::to_string_pretty(report).unwrap_or_default() + "\n",
            Form::Junit => junit::document(report),
            Form::Ocp => ocp::lines(report),
        }
    }
}

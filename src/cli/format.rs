//! The forms in which verbs print facts.

use serde_json::Value;

use super::{answer, exit};

/// Form of what most verbs print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    #[default]
    Table,
    Json,
}

/// Form of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ListFormat {
    /// For people.
    #[default]
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// Prints a list for programs.
pub(super) fn print_list(list: &[Value], format: ListFormat) -> anyhow::Result<u8> {
    match format {
        ListFormat::Jsonl => list.iter().try_for_each(|one| answer(&one.to_string()))?,
        ListFormat::Json | ListFormat::Table => answer(&serde_json::to_string_pretty(list)?)?,
    }
    Ok(exit::OK)
}

//! The pieces of YAML.

/// A piece of YAML.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    StreamEnd,
    /// `%YAML` with its major version.
    Version(u64),
    /// `%TAG` with handle and prefix.
    TagPrefix(String, String),
    /// A directive that means nothing.
    Reserved,
    DocumentStart,
    DocumentEnd,
    BlockSequence,
    BlockMapping,
    BlockEnd,
    FlowSequence,
    FlowSequenceEnd,
    FlowMapping,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    /// Handle (none for a verbatim one) and suffix.
    Tag(Option<String>, String),
    /// Text, and whether it stood without quotes.
    Scalar(String, bool),
}

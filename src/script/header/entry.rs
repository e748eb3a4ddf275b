//! One entry of a list in a header: what the region takes as hardware, and as a package.

use serde_json::Value;

use crate::yaml::Node;

/// Kinds of `for_hardware` with any text.
pub(super) const TEXT_KINDS: [&str; 5] =
    ["system_vendor:", "system_product:", "system_version:", "mainboard_vendor:", "mainboard_product:"];

/// True if `for_hardware` may have it: all but a modalias is found anywhere in the word, as the region looks for it.
pub(in crate::script) fn is_hardware(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_hex = |text: Option<&[u8]>| text.is_some_and(|text| text.iter().all(u8::is_ascii_hexdigit));
    let is_pair = |rest: &[u8]| is_hex(rest.get(..4)) && rest.get(4) == Some(&b':') && is_hex(rest.get(5..9));
    let has_pair = |kind: &str| lower.match_indices(kind).any(|(at, _)| is_pair(&lower.as_bytes()[at + kind.len()..]));
    let is_pattern = lower.strip_prefix("modalias:").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('\n'));
    is_pattern || has_pair("pci:") || has_pair("usb:") || TEXT_KINDS.iter().any(|kind| lower.contains(kind))
}

/// Keys of `packages`.
pub(super) const PACKAGE_KINDS: [&str; 3] = ["apt", "snap", "url"];

/// The fault in one package of a kind.
pub(super) fn bad_package(kind: &str, item: &Node) -> Option<(&'static str, String)> {
    let shown = || Value::from(item).to_string();
    let is_name = item.as_str().is_some();
    if kind != "snap" || is_name {
        return (!is_name).then(|| ("package-name", format!("{} is no text", shown())));
    }
    if item.get("name").and_then(Node::as_str).is_none() {
        return Some(("snap-name", format!("{} has no name", shown())));
    }
    let one_of = |key: &str, words: &[&str]| {
        let value = item.get(key)?;
        let fits = value.as_str().is_some_and(|word| words.contains(&word));
        (!fits).then(|| format!("the {key} {} is none of {}", Value::from(value), words.join(", ")))
    };
    let channel = one_of("channel", &["stable", "edge", "beta", "candidate"]).map(|text| ("snap-channel", text));
    channel.or_else(|| one_of("mode", &["classic", "dev", "jail"]).map(|text| ("snap-mode", text)))
}

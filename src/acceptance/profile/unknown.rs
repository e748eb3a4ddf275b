//! Messages on keys that a section or a group does not have.

use super::super::catalogue::Kind;
use super::problem::{meant, suggestion};
use super::read::keys;

/// Keys that differ from machine to machine, so that no profile has them.
const NEVER: [&str; 9] =
    ["serial", "serial_number", "name", "mac", "mac_address", "wwn", "uuid", "identity", "asset_tag"];

/// Keys of the profile itself, which TOML takes for those of a table when they come after its name.
const TOP: [&str; 3] = ["only", "match", "schema"];

/// Message on a key that a section or a group does not have.
pub(super) fn unknown_key(kind: Kind, name: &str, has_keys: bool) -> String {
    if has_keys {
        let first = kind.fields().iter().find_map(|field| field.key.strip_prefix(name)?.strip_prefix('.'));
        return format!("\"{name}\" is a table: `{name} = {{ {} = 16 }}`", first.unwrap_or_default());
    }
    if TOP.contains(&name) {
        return format!(
            "{} has no \"{name}\": it belongs at the top of the profile, before the first [table]",
            kind.name()
        );
    }
    if NEVER.contains(&name) {
        return format!("{} has no \"{name}\": it differs from machine to machine", kind.name());
    }
    let section = Kind::TABLES.into_iter().find(|other| *other != kind && other.field(name).is_some());
    match section.filter(|_| meant(name, &keys(kind)).is_none()) {
        Some(section) => format!("{} has no \"{name}\"; it is a key of [{}]", kind.name(), section.name()),
        None => format!("{} has no \"{name}\"{}", kind.name(), suggestion(name, &keys(kind))),
    }
}

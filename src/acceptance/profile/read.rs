//! Reads a profile from TOML, and records every problem with its position.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::catalogue::{Field, Kind, Shape};
use super::super::fact::plain;
use super::super::pattern::Pattern;
use super::super::range::Count;
use super::problem::{Notes, ProfileError, meant, suggestion};
use super::unknown::unknown_key;
use super::value::{kind as kind_of, span, want, written};
use super::{Expect, Group, Match, Profile, Severity, Table};
use super::{contradiction, measure};

/// Version of the profile format.
pub(in super::super) const SCHEMA: &str = "1";
/// Top-level keys of a profile other than sections and groups.
pub(in super::super) const HEAD: [&str; 6] = ["schema", "name", "description", "match", "only", "measure"];
/// Keys that every section and group may have.
pub(in super::super) const EVERYWHERE: [&str; 4] = ["severity", "fail", "warn", "note"];

type Key<'a> = Spanned<Cow<'a, str>>;

pub(super) fn profile(text: &str) -> Result<Profile, ProfileError> {
    let mut notes = Notes::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            notes.add(error.span().unwrap_or_default(), format!("this is no TOML: {}", error.message()));
            return notes.finish(Profile::default());
        }
    };
    let table = document.get_ref();
    let mut profile = Profile::default();
    let mut found = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let kind = Kind::GROUPS.into_iter().chain(Kind::TABLES).find(|kind| kind.name() == name);
        match (name, kind) {
            (_, Some(kind)) if Kind::TABLES.contains(&kind) => {
                if let Some(table) = as_table(&mut notes, value, name) {
                    profile.tables.push(section(&mut notes, kind, table));
                }
            }
            (_, Some(kind)) => groups(&mut notes, kind, value, &mut found),
            ("match", _) => profile.matches = matches(&mut notes, value),
            ("only", _) => profile.only = only(&mut notes, value),
            ("measure", _) => profile.limits = measure::limits(&mut notes, value),
            ("schema" | "name" | "description", _) => {}
            _ => notes.add(span(key), format!("a profile has no \"{name}\"{}", elsewhere(name))),
        }
    }
    head(&mut notes, table, &mut profile);
    found.sort_by_key(|(at, _)| *at);
    profile.groups = found.into_iter().map(|(_, group)| group).collect();
    if notes.is_empty() {
        check_emptiness(&mut notes, &profile);
        contradiction::check(&mut notes, &profile);
    }
    notes.finish(profile)
}

/// End of a message on an unknown top-level key: the section that has it as a key, else a key that was meant.
fn elsewhere(name: &str) -> String {
    let section = Kind::TABLES.into_iter().find(|kind| kind.field(name).is_some());
    match section.filter(|_| meant(name, &names()).is_none()) {
        Some(section) => format!("; \"{name}\" is a key of [{}]", section.name()),
        None => suggestion(name, &names()),
    }
}

/// All top-level keys of a profile.
pub(in super::super) fn names() -> Vec<&'static str> {
    let kinds = Kind::TABLES.into_iter().chain(Kind::GROUPS).map(Kind::name);
    HEAD.into_iter().chain(kinds).collect()
}

fn head(notes: &mut Notes<'_>, table: &DeTable<'_>, profile: &mut Profile) {
    match table.get("schema") {
        None => notes.add(0..0, format!("a profile begins with `schema = {SCHEMA}`")),
        Some(value) if written(value.get_ref()).is_ok_and(|text| text == SCHEMA) => {}
        Some(value) => notes.add(span(value), format!("this program knows `schema = {SCHEMA}` alone")),
    }
    let name = table.get("name").map(|value| (span(value), value.get_ref().as_str().map(plain)));
    match name {
        Some((_, Some(name))) if !name.is_empty() => profile.name = name,
        Some((at, _)) => notes.add(at, "a name is a text in quotes"),
        None => notes.add(0..0, "a profile has a name: `name = \"r760-a\"`"),
    }
    if let Some(value) = table.get("description").filter(|value| !value.get_ref().is_str()) {
        notes.add(span(value), "a description is a text in quotes");
    }
}

fn check_emptiness(notes: &mut Notes<'_>, profile: &Profile) {
    let is_empty = profile.groups.is_empty() && profile.limits.is_empty() && profile.only.is_empty();
    if is_empty && profile.tables.iter().all(|table| table.expects.is_empty()) {
        notes.add(0..0, "this profile expects nothing, so any machine would be accepted");
    }
}

fn as_table<'a, 'i>(notes: &mut Notes<'_>, value: &'a Spanned<DeValue<'i>>, name: &str) -> Option<&'a DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        let given = kind_of(value.get_ref());
        notes.add(span(value), format!("\"{name}\" is a table, not {given}: `[{name}]` or `{name} = {{ … }}`"));
    }
    table
}

fn matches(notes: &mut Notes<'_>, value: &Spanned<DeValue<'_>>) -> Match {
    let mut found = Match::default();
    let Some(table) = as_table(notes, value, "match") else { return found };
    for (key, value) in table {
        let name: &str = key.get_ref();
        let pattern = value.get_ref().as_str().ok_or_else(|| "a text in quotes is wanted".to_owned());
        let pattern = match pattern.and_then(|text| Pattern::parse(text, false)) {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                notes.add(span(value), reason);
                None
            }
        };
        match name {
            "vendor" => found.vendor = pattern,
            "product" => found.product = pattern,
            "sku" => found.sku = pattern,
            "model" => notes.add(span(key), "match has no \"model\"; did you mean \"product\"?"),
            _ => notes
                .add(span(key), format!("match has no \"{name}\"{}", suggestion(name, &["vendor", "product", "sku"]))),
        }
    }
    found
}

fn only(notes: &mut Notes<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Kind> {
    let Some(list) = value.get_ref().as_array() else {
        notes.add(span(value), "`only` is a list of kinds: `only = [\"disk\"]`");
        return Vec::new();
    };
    let mut found = Vec::new();
    for value in list {
        let name = value.get_ref().as_str().unwrap_or_default();
        if let Some(kind) = Kind::GROUPS.into_iter().find(|kind| kind.name() == name) {
            found.push(kind);
        } else {
            let known = Kind::GROUPS.map(Kind::name);
            notes.add(span(value), format!("there is no kind \"{name}\"{}", suggestion(name, &known)));
        }
    }
    found
}

fn section(notes: &mut Notes<'_>, kind: Kind, table: &DeTable<'_>) -> Table {
    let mut reader = Reader::new(notes, kind, table);
    for entry in table.iter().filter(|(key, _)| !EVERYWHERE.contains(&key.get_ref().as_ref())) {
        reader.expect(notes, "", entry);
    }
    Table { kind, expects: reader.expects }
}

fn groups(notes: &mut Notes<'_>, kind: Kind, value: &Spanned<DeValue<'_>>, found: &mut Vec<(usize, Group)>) {
    let list: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    };
    let mut slots: Vec<String> = Vec::new();
    for value in list {
        let Some(table) = as_table(notes, value, kind.name()) else { continue };
        let group = group(notes, kind, value, table);
        for slot in &group.slots {
            if kind.is_alone_in_slot() && slots.contains(slot) {
                notes.add(span(value), format!("slot \"{slot}\" is asked for twice: one device is in it at most"));
            }
            slots.push(slot.clone());
        }
        found.push((span(value).start, group));
    }
}

fn group(notes: &mut Notes<'_>, kind: Kind, place: &Spanned<DeValue<'_>>, table: &DeTable<'_>) -> Group {
    let mut reader = Reader::new(notes, kind, table);
    let mut group = Group {
        kind,
        count: Count::exactly(1),
        per_socket: None,
        expects: Vec::new(),
        slots: Vec::new(),
        severity: reader.severities.own,
        at: span(place).start,
    };
    let (mut counted, mut per_socket) = (None, None);
    for (key, value) in table.iter().filter(|(key, _)| !EVERYWHERE.contains(&key.get_ref().as_ref())) {
        match key.get_ref().as_ref() {
            "count" => counted = count(notes, value),
            "slots" => group.slots = slots(notes, kind, key, value),
            "per_socket" => per_socket = Some((key, value)),
            _ => reader.expect(notes, "", (key, value)),
        }
    }
    group.expects = reader.expects;
    // Versions are expensive to compare, and the other keys exclude most devices before.
    group.expects.sort_by_key(|expect| kind.fields()[expect.field].shape == Shape::Version);
    group.count = counted.unwrap_or_else(|| Count::exactly(group.slots.len().max(1)));
    if kind.is_alone_in_slot() && group.count.least > group.slots.len() && !group.slots.is_empty() {
        notes.add(span(place), format!("{} devices do not fit into {} slots", group.count.least, group.slots.len()));
    }
    if let Some((key, value)) = per_socket {
        group.per_socket = match value.get_ref() {
            DeValue::Boolean(true) => Some(group.count),
            DeValue::Boolean(false) => None,
            _ => count(notes, value),
        };
        if !kind.has_socket() {
            notes.add(span(key), format!("the inventory does not tell the sockets of {}", kind.plural()));
        }
        if !group.slots.is_empty() {
            notes.add(span(key), "slots say where each device is: `per_socket` is for groups without them");
        }
        if counted.is_none() || matches!(value.get_ref(), DeValue::Boolean(true)) {
            // Each socket has its own count, so the total depends on the machine's number of sockets.
            group.count = Count { least: 0, most: None };
        }
    }
    group
}

fn count(notes: &mut Notes<'_>, value: &Spanned<DeValue<'_>>) -> Option<Count> {
    let read = written(value.get_ref()).and_then(|text| Count::parse(&text));
    match read {
        Ok(count) if count.least == 0 && count.most.is_none() => {
            notes.add(span(value), "any number of devices would do, so this expects nothing");
            None
        }
        Ok(count) => Some(count),
        Err(reason) => {
            notes.add(span(value), reason);
            None
        }
    }
}

fn slots(notes: &mut Notes<'_>, kind: Kind, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Vec<String> {
    if !kind.has_slots() {
        let other = if kind == Kind::Disk { "; disks have \"place\" and \"bay\"" } else { "" };
        notes.add(span(key), format!("the inventory does not tell slots of {}{other}", kind.plural()));
    }
    let list = value.get_ref().as_array();
    let names: Option<Vec<String>> =
        list.and_then(|list| list.iter().map(|slot| slot.get_ref().as_str().map(plain)).collect());
    let names = names.filter(|names| !names.is_empty() && names.iter().all(|name| !name.is_empty()));
    if names.is_none() {
        notes.add(span(value), "`slots` is a list of names as the inventory has them: `slots = [\"A1\", \"A2\"]`");
    }
    names.unwrap_or_default()
}

/// A key with its value.
type Entry<'a, 'i> = (&'a Key<'i>, &'a Spanned<DeValue<'i>>);

/// Collects the expectations of a section or a group.
struct Reader {
    kind: Kind,
    severities: Severities,
    expects: Vec<Expect>,
}

impl Reader {
    fn new(notes: &mut Notes<'_>, kind: Kind, table: &DeTable<'_>) -> Self {
        Reader { kind, severities: Severities::read(notes, kind, table), expects: Vec::new() }
    }

    /// Reads one key, or a table of keys below it.
    fn expect(&mut self, notes: &mut Notes<'_>, above: &str, (key, value): Entry<'_, '_>) {
        let name = format!("{above}{}", key.get_ref());
        let kind = self.kind;
        let Some((place, field)) = kind.field(&name) else {
            let below = format!("{name}.");
            let has_keys = kind.fields().iter().any(|field| field.key.starts_with(&below));
            let Some(table) = value.get_ref().as_table().filter(|_| has_keys) else {
                let at = if has_keys { span(value) } else { span(key) };
                notes.add(at, unknown_key(kind, &name, has_keys));
                return;
            };
            for entry in table {
                self.expect(notes, &below, entry);
            }
            return;
        };
        if value.get_ref().is_table() && kind.field("model").is_none() {
            let text = format!(
                "{name}: a table gives a value for each model, and {} has no model: write the value itself",
                kind.name()
            );
            notes.add(span(value), text);
            return;
        }
        match want(field, value.get_ref()) {
            Ok((want, shown)) => {
                let severity = self.severities.of(field);
                self.expects.push(Expect {
                    field: place,
                    key: field.key,
                    want,
                    shown,
                    severity,
                    at: span(value).start,
                });
            }
            // The reasons of some values begin with their key.
            Err(reason) if reason.starts_with(field.key) => notes.add(span(value), reason),
            Err(reason) => notes.add(span(value), format!("{name}: {reason}")),
        }
    }
}

/// All keys of a section or a group.
pub(in super::super) fn keys(kind: Kind) -> Vec<&'static str> {
    let own = kind.fields().iter().map(|field| field.key);
    let groups = if Kind::GROUPS.contains(&kind) { &["count", "per_socket", "slots"][..] } else { &[] };
    own.chain(groups.iter().copied()).chain(EVERYWHERE).collect()
}

/// Severities of a section or a group: one for all keys, and others for single keys.
struct Severities {
    own: Severity,
    named: Vec<(String, Severity)>,
}

impl Severities {
    fn read(notes: &mut Notes<'_>, kind: Kind, table: &DeTable<'_>) -> Self {
        let word =
            |text: &str| [Severity::Fail, Severity::Warn, Severity::Note].into_iter().find(|one| one.word() == text);
        let mut found = Severities { own: Severity::Fail, named: Vec::new() };
        if let Some(value) = table.get("severity") {
            let given = value.get_ref().as_str();
            if let Some(severity) = given.and_then(word) {
                found.own = severity;
            } else {
                let meant = given.and_then(|text| meant(text, &["fail", "warn", "note"]));
                let meant = meant.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default();
                notes.add(span(value), format!("a severity is \"fail\", \"warn\" or \"note\"{meant}"));
            }
        }
        for severity in [Severity::Fail, Severity::Warn, Severity::Note] {
            let Some(value) = table.get(severity.word()) else { continue };
            let Some(list) = value.get_ref().as_array() else {
                notes.add(span(value), format!("`{}` is a list of keys: `[\"firmware\"]`", severity.word()));
                continue;
            };
            for value in list {
                let name = value.get_ref().as_str().unwrap_or_default();
                Severities::check(notes, kind, table, (name, span(value)));
                if found.named.iter().any(|(known, other)| known == name && *other != severity) {
                    notes.add(span(value), format!("\"{name}\" has another severity, too: keep the one that is meant"));
                }
                found.named.push((name.to_owned(), severity));
            }
        }
        found
    }

    /// Records a problem if a severity is given for a key that the section or group does not ask for.
    fn check(notes: &mut Notes<'_>, kind: Kind, table: &DeTable<'_>, (name, at): (&str, Range<usize>)) {
        let top = name.split('.').next().unwrap_or(name);
        if !table.contains_key(top) {
            let known: Vec<&str> = kind
                .fields()
                .iter()
                .map(|field| field.key)
                .filter(|key| table.contains_key(key.split('.').next().unwrap_or(key)))
                .collect();
            notes.add(at, format!("\"{name}\" is not asked for here{}", suggestion(name, &known)));
        }
    }

    fn of(&self, field: &Field) -> Severity {
        let is_it =
            |name: &str| name == field.key || field.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        self.named.iter().find(|(name, _)| is_it(name)).map_or(self.own, |(_, severity)| *severity)
    }
}

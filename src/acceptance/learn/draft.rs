//! A learnt profile before it is written: values that a profile can express, and that the machines they were learnt from meet.

use toml::de::DeTable;

use super::super::catalogue::{Field, Kind, Shape};
use super::super::fact::Fact;
use super::super::machine::{Machine, System};
use super::super::pattern::Pattern;
use super::super::profile::want;
use super::super::range::dash;
use super::super::want::Fit;

/// A key with its value in TOML syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) key: &'static str,
    pub(super) text: String,
}

/// A learnt group of devices.
pub(super) struct Group {
    pub(super) kind: Kind,
    /// Number of devices in TOML syntax: `4` or `">=4"`.
    pub(super) count: String,
    pub(super) values: Vec<Value>,
    pub(super) slots: Vec<String>,
}

/// All parts of a learnt profile, and what was left out with the reasons.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) name: String,
    pub(super) matches: Vec<(&'static str, String)>,
    pub(super) tables: Vec<(Kind, Vec<Value>)>,
    pub(super) groups: Vec<Group>,
    pub(super) left_out: Vec<String>,
}

/// A key of `match`, and the field of `System` that it is compared with.
type Named = (&'static str, fn(&System) -> &String);

/// The keys of `match`.
pub(super) fn names() -> [Named; 3] {
    [("vendor", |system| &system.vendor), ("product", |system| &system.product), ("sku", |system| &system.sku)]
}

/// Vendor, product and SKU in TOML syntax, each only if all machines have the same.
pub(super) fn matches(machines: &[Machine]) -> Vec<(&'static str, String)> {
    let same = |(name, field): Named| {
        let text = field(&machines.first()?.system);
        let is_same = machines.iter().all(|machine| field(&machine.system) == text);
        let literal = literal(text);
        (is_same && Pattern::parse(&literal, false).is_ok_and(|pattern| pattern.fits(text)))
            .then(|| (name, quoted(&literal)))
    };
    names().into_iter().filter_map(same).collect()
}

/// A value that each of these facts meets; `None` if a profile cannot express one.
pub(super) fn value(kind: Kind, key: &'static str, facts: &[&Fact]) -> Option<Value> {
    let (_, field) = kind.field(key)?;
    let texts: Option<Vec<String>> = facts.iter().map(|fact| say(field, fact)).collect();
    let mut texts = texts?;
    texts.dedup();
    let text = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
    checked(field, key, text, facts)
}

/// The value `>=version`; `None` if one of the facts does not meet it.
pub(super) fn at_least(kind: Kind, key: &'static str, version: &str, facts: &[&Fact]) -> Option<Value> {
    let (_, field) = kind.field(key)?;
    checked(field, key, quoted(&format!(">={version}")), facts)
}

/// Reads the value with the profile's own reader; `None` if the reader refuses it or one of the facts does not meet it.
fn checked(field: &Field, key: &'static str, text: String, facts: &[&Fact]) -> Option<Value> {
    let document = format!("value = {text}");
    let table = DeTable::parse(&document).ok()?;
    let (want, _) = want(field, table.get_ref().get("value")?.get_ref()).ok()?;
    let nothing = Fact::Unknown(String::new());
    facts.iter().all(|fact| want.test(fact, &nothing) == Fit::Yes).then_some(Value { key, text })
}

fn say(field: &Field, fact: &Fact) -> Option<String> {
    match fact {
        Fact::Text(text) if field.shape == Shape::Version => Some(quoted(text)),
        Fact::Text(text) => Some(quoted(&literal(text))),
        // `nvme` describes a disk best; on other buses `hdd` or `ssd` is more informative than the bus.
        Fact::Any(names) if field.key == "kind" => {
            let name = names.iter().find(|name| *name == "nvme").or(names.last())?;
            Some(quoted(&literal(name)))
        }
        Fact::Any(names) => Some(quoted(&literal(names.first()?))),
        Fact::Every(texts) if texts.len() == 1 => Some(quoted(&literal(&texts[0]))),
        Fact::Every(_) | Fact::Unknown(_) => None,
        Fact::Flag(flag) => Some(flag.to_string()),
        Fact::Number(number) => Some(match field.shape {
            Shape::Number(unit, tolerance) => {
                let shown = unit.show(*number);
                let is_exact = tolerance > 0.0 || unit.parse(&shown) == Ok(*number);
                if is_exact { quoted(&shown) } else { number.to_string() }
            }
            _ => number.to_string(),
        }),
    }
}

/// A text that a profile reads literally: one that looks like a range or an expression becomes an escaped expression.
pub(super) fn literal(text: &str) -> String {
    let is_sign = text.starts_with(['~', '>', '<', '=', '!']) || text.contains('*');
    let has_range = text.split(' ').any(|word| {
        dash(word).is_some()
            || word
                .split_once("..")
                .is_some_and(|(low, high)| low.parse::<u64>().is_ok() && high.parse::<u64>().is_ok())
    });
    if is_sign || has_range { format!("~{}", regex_syntax::escape(text)) } else { text.to_owned() }
}

/// A quoted and escaped TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

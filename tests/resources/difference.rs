//! Where two documents differ, key by key, with their order and types; and the differences that are meant to be.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// What marks the elements of a list, so that one that is missing is told by its name.
const NAMES: [&str; 5] = ["id", "pci_address", "bus_address", "numa_node", "socket"];

/// A place where two documents differ; `None` is absence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) reference: Option<Value>,
    pub(crate) ours: Option<Value>,
}

/// All places where two documents differ. Cores are compared in any order: see the row `core-order`.
pub(crate) fn between(reference: &Value, ours: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(reference), Some(ours), &mut found);
    found
}

fn compare(path: String, reference: Option<&Value>, ours: Option<&Value>, found: &mut Vec<Difference>) {
    match (reference, ours) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let keys: Vec<&String> = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(path, one.get(key), other.get(key), found);
            }
            compare_order(&path, one.keys().cloned().collect(), other.keys().cloned().collect(), found);
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => compare_lists(&path, one, other, found),
        (one, other) if one == other => {}
        (one, other) => found.push(Difference { path, reference: one.cloned(), ours: other.cloned() }),
    }
}

fn compare_lists(path: &str, one: &[Value], other: &[Value], found: &mut Vec<Difference>) {
    let (mut one, mut other) = (one.to_vec(), other.to_vec());
    if path.ends_with(".cores") {
        let place = |core: &Value| (core["core"].as_u64(), core["die"].as_u64());
        one.sort_by_key(place);
        other.sort_by_key(place);
    }
    let name = mark(&one).filter(|name| mark(&other) == Some(name));
    let names = |values: &[Value]| -> Vec<String> {
        let places = values.iter().enumerate();
        places.map(|(place, value)| name.map_or_else(|| place.to_string(), |name| plain(&value[name]))).collect()
    };
    let (ones, others) = (names(&one), names(&other));
    let mut all = ones.clone();
    all.extend(others.iter().filter(|name| !ones.contains(name)).cloned());
    for name in all {
        let in_list = |names: &[String]| names.iter().position(|known| *known == name);
        let (left, right) = (in_list(&ones).map(|place| &one[place]), in_list(&others).map(|place| &other[place]));
        compare(format!("{path}[{name}]"), left, right, found);
    }
    compare_order(path, ones, others, found);
}

/// The key by which all elements of a list can be told apart, if any.
fn mark(values: &[Value]) -> Option<&'static str> {
    let tells_apart = |name: &&str| {
        let marks: Vec<String> = values.iter().filter_map(|value| value.get(*name)).map(plain).collect();
        let distinct: BTreeSet<&String> = marks.iter().collect();
        !values.is_empty() && marks.len() == values.len() && distinct.len() == values.len()
    };
    NAMES.into_iter().find(tells_apart)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What both have must stand in the same order.
fn compare_order(path: &str, mut one: Vec<String>, mut other: Vec<String>, found: &mut Vec<Difference>) {
    let (ones, others): (BTreeSet<String>, BTreeSet<String>) =
        (one.iter().cloned().collect(), other.iter().cloned().collect());
    one.retain(|name| others.contains(name));
    other.retain(|name| ones.contains(name));
    if one != other {
        let (reference, ours) = (Some(Value::from(one)), Some(Value::from(other)));
        found.push(Difference { path: format!("{path}(order)"), reference, ours });
    }
}

/// One deliberate difference of `docs/resources-differences.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The row of the table in `docs/resources-differences.md`.
    pub(crate) row: String,
    /// The only fixture where it occurs.
    #[serde(default)]
    fixture: Option<String>,
    /// How it is read: `root`, `chroot`, `chroot-net`.
    #[serde(default)]
    modes: Vec<String>,
    #[serde(default)]
    path: String,
    #[serde(default, deserialize_with = "present")]
    reference: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    ours: Option<Value>,
    /// Instead of a path: lists of this name are compared in any order.
    #[serde(default, rename = "list")]
    _list: Option<String>,
    #[serde(default, rename = "any_order")]
    _any_order: Vec<String>,
}

/// A value that is `null` is present, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// All deliberate differences.
pub(crate) fn listed() -> Vec<Rule> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/resources-differences.json");
    serde_json::from_value(crate::document::read(&path)).expect("the list of deliberate differences is well-formed")
}

/// Those that a copied tree of a fixture shows.
pub(crate) fn listed_for(fixture: &str) -> Vec<Difference> {
    let rules = listed().into_iter().filter(|rule| rule.fixture.as_deref() == Some(fixture));
    let rules = rules.filter(|rule| rule.modes.iter().any(|mode| mode == "root"));
    rules.map(|rule| Difference { path: rule.path, reference: rule.reference, ours: rule.ours }).collect()
}

#[test]
fn a_comparison_sees_values_types_order_and_absence() {
    use serde_json::json;

    let paths = |one: Value, other: Value| -> Vec<String> {
        between(&one, &other).into_iter().map(|difference| difference.path).collect()
    };
    assert!(paths(json!({"a": [1, "x", null]}), json!({"a": [1, "x", null]})).is_empty());
    assert_eq!(paths(json!({"a": 1}), json!({"a": 1.0})), ["a"]);
    assert_eq!(paths(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})), ["(order)"]);
    assert_eq!(paths(json!({"a": {"b": null}}), json!({"a": {}})), ["a.b"]);
    let disks = |names: [&str; 2]| json!({"disks": names.map(|name| json!({"id": name}))});
    assert_eq!(paths(disks(["sda", "sdb"]), disks(["sda", "sdc"])), ["disks[sdb]", "disks[sdc]"]);
    assert_eq!(paths(disks(["sda", "sdb"]), disks(["sdb", "sda"])), ["disks(order)"]);
}

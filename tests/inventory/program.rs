//! Calls of the program.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::schema;
use crate::tree::Tree;

/// `shakedown inventory ARGUMENTS --root ROOT`.
pub(crate) fn call(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.arg("inventory").args(arguments).arg("--root").arg(root).env("SHAKEDOWN_STATE_DIR", root.join("state"));
    command.output().expect("the program can be started")
}

/// What it prints when it succeeds.
pub(crate) fn printed(root: &Path, arguments: &[&str]) -> String {
    let output = call(root, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The whole inventory, which keeps to its schema.
pub(crate) fn inventory(root: &Path) -> Value {
    let value: Value = serde_json::from_str(&printed(root, &["--format", "json"])).expect("JSON");
    assert_eq!(schema::objections(&value), [""; 0], "{}", root.display());
    value
}

/// The inventory of a tree.
pub(crate) fn of(tree: &Tree) -> Value {
    inventory(tree.root())
}

/// Texts of an inventory's findings, each with its code.
pub(crate) fn findings(inventory: &Value) -> Vec<String> {
    let text = |finding: &Value| {
        format!("{}: {}", finding["code"].as_str().expect("a code"), finding["text"].as_str().expect("a text"))
    };
    inventory["findings"].as_array().expect("findings").iter().map(text).collect()
}

/// Every identity in an inventory.
pub(crate) fn identities(value: &Value) -> Vec<String> {
    let below = |value: &Value| match value {
        Value::Object(pairs) => pairs.values().flat_map(identities).collect(),
        Value::Array(values) => values.iter().flat_map(identities).collect(),
        _ => Vec::new(),
    };
    let own = value.get("identity").and_then(Value::as_str).map(str::to_owned);
    own.into_iter().chain(below(value)).collect::<Vec<String>>()
}

/// The identities that more than one device has.
pub(crate) fn shared_identities(inventory: &Value) -> Vec<String> {
    let mut all = identities(inventory);
    all.sort();
    let doubles = all.windows(2).filter(|pair| pair[0] == pair[1]);
    doubles.map(|pair| pair[0].clone()).chain(all.iter().filter(|identity| identity.is_empty()).cloned()).collect()
}

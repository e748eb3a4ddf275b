//! Documents against `docs/inventory.schema.json`.

use serde_json::Value;

use crate::checker::check;

/// Where a document does not keep to the schema.
pub(crate) fn objections(document: &Value) -> Vec<String> {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/inventory.schema.json")).expect("the schema is JSON");
    let mut found = Vec::new();
    check(&schema, &schema, document, "", &mut found);
    found
}

#[test]
fn a_document_that_breaks_the_schema_is_found() {
    let tree = crate::tree::Tree::new();
    let good = crate::program::of(&tree);
    for (key, value) in
        [("form", Value::from("1")), ("disks", Value::from(3)), ("kernel", Value::Null), ("novel", Value::from(1))]
    {
        let mut bad = good.clone();
        bad[key] = value;
        assert_eq!(objections(&bad).len(), 1, "{key}");
    }
    assert!(!objections(&Value::from(1)).is_empty());
}

#[test]
fn the_printed_schema_is_the_one_in_docs() {
    let tree = crate::tree::Tree::new();
    assert_eq!(crate::program::printed(tree.root(), &["--schema"]), include_str!("../../docs/inventory.schema.json"));
}

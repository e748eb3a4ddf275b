//! Tables of a topic, without columns and tables that hold nothing.

use serde_json::Value;

use crate::report::{Devices, Section, View, table};

/// The table of all devices of one kind.
pub(super) fn devices(kind: &Devices, inventory: &Value) -> Section {
    kind.table(View::Inventory, &kind.list(inventory), inventory)
}

/// A table of rows that are no devices.
pub(super) fn rows<const N: usize>(
    title: &'static str,
    head: [&'static str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Section {
    Section::new(title, head.into_iter(), rows.into_iter().map(Vec::from).collect())
}

/// Facts with their names, those that are known.
pub(super) fn facts(title: &'static str, facts: impl IntoIterator<Item = (&'static str, String)>) -> Section {
    let known = facts.into_iter().filter(|(_, value)| !value.trim().is_empty());
    rows(title, ["Field", "Value"], known.map(|(key, value)| [key.to_owned(), value.trim().to_owned()]))
}

/// What firmware says may hold characters that a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A topic's tables under its name, those behind the first under their own; a line says so, in these words, where the first, which is what
/// the topic is about, holds nothing.
pub(super) fn print(topic: &str, nothing: &str, sections: &[Section]) -> String {
    let is_empty = sections.first().is_none_or(|first| first.rows.is_empty());
    let mut text = format!("{}\n", topic.to_uppercase());
    if is_empty {
        text.push_str(&format!("{nothing}\n"));
    }
    for (place, section) in sections.iter().enumerate().filter(|(_, section)| !section.rows.is_empty()) {
        if place > 0 {
            text.push_str(&format!("\n{}\n", section.title.to_uppercase()));
        }
        let head: Vec<String> = section.columns.iter().map(|title| title.to_uppercase()).collect();
        let rows: Vec<Vec<String>> =
            section.rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
        text.push_str(&table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_columns_and_tables_are_left_out() {
        let row = |a: &str, b: &str, c: &str| [a.to_owned(), b.to_owned(), c.to_owned()];
        let full = rows("", ["A", "B", "C"], [row("1", "", "2")]);
        let empty = rows("More", ["A"], []);
        assert_eq!(print("usb", "no devices", &[full, empty]), "USB\nA  C\n1  2\n");
        assert_eq!(print("finding", "no findings", &[]), "FINDING\nno findings\n");
        let gaps = rows("Not known", ["What"], [["x\u{1b}[2Jy".to_owned()]]);
        let none = rows("", ["Code"], []);
        assert_eq!(
            print("finding", "no findings", &[none, gaps]),
            "FINDING\nno findings\n\nNOT KNOWN\nWHAT\nx\u{fffd}[2Jy\n"
        );
    }
}

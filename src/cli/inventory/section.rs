//! Tables of a topic, without columns and tables that hold nothing.

use crate::report::table;

/// A table.
pub(super) struct Section {
    /// Empty for the first of a topic.
    title: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Section {
    pub(super) fn new<const N: usize>(
        title: &'static str,
        head: [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        Section { title, head: head.to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// Facts with their names, those that are known.
    pub(super) fn facts(title: &'static str, facts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let known = facts.into_iter().filter(|(_, value)| !value.trim().is_empty());
        Section::new(title, ["FIELD", "VALUE"], known.map(|(key, value)| [key.to_owned(), value.trim().to_owned()]))
    }

    fn print(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let is_used =
            |column: &usize| self.rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
        let columns: Vec<usize> = (0..self.head.len()).filter(is_used).collect();
        let head: Vec<&str> = columns.iter().map(|column| self.head[*column]).collect();
        let cell = |row: &Vec<String>, column: usize| row.get(column).map(|text| printable(text)).unwrap_or_default();
        let pick = |row: &Vec<String>| columns.iter().map(|column| cell(row, *column)).collect();
        let title = if self.title.is_empty() { String::new() } else { format!("\n{}\n", self.title) };
        title + &table(&head, &self.rows.iter().map(pick).collect::<Vec<_>>())
    }
}

/// What firmware says may hold characters that a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A topic's tables under its name; a line says so, in these words, where the first, which is what the topic is about, holds nothing.
pub(super) fn print(topic: &str, nothing: &str, sections: &[Section]) -> String {
    let tables: String = sections.iter().map(Section::print).collect();
    let is_empty = sections.first().is_none_or(|first| first.rows.is_empty());
    let nothing = if is_empty { format!("{nothing}\n") } else { String::new() };
    format!("{}\n{nothing}{tables}", topic.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_columns_and_tables_are_left_out() {
        let row = |a: &str, b: &str, c: &str| [a.to_owned(), b.to_owned(), c.to_owned()];
        let full = Section::new("", ["A", "B", "C"], [row("1", "", "2")]);
        let empty = Section::new("MORE", ["A"], []);
        assert_eq!(print("usb", "no devices", &[full, empty]), "USB\nA  C\n1  2\n");
        assert_eq!(print("finding", "no findings", &[]), "FINDING\nno findings\n");
        let gaps = Section::new("NOT KNOWN", ["WHAT"], [["x\u{1b}[2Jy".to_owned()]]);
        let none = Section::new("", ["CODE"], []);
        assert_eq!(
            print("finding", "no findings", &[none, gaps]),
            "FINDING\nno findings\n\nNOT KNOWN\nWHAT\nx\u{fffd}[2Jy\n"
        );
    }
}

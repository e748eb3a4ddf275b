//! JSON as the reference prints it, four blanks a step. The library's own form writes each step of each line by itself, which is a good part
//! of what a document of a large machine costs.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// A comma, the end of a line, and as many blanks as any document needs.
const LINE: [u8; 2 + 4 * DEEPEST] = {
    let mut line = [b' '; 2 + 4 * DEEPEST];
    (line[0], line[1]) = (b',', b'\n');
    line
};
const DEEPEST: usize = 32;

/// How deep it is, and whether what it is in has anything in it.
#[derive(Debug, Default)]
pub(super) struct Indented {
    depth: usize,
    has_value: bool,
}

impl Indented {
    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.has_value {
            self.line(writer, true)?;
        }
        writer.write_all(bracket)
    }

    /// Another line; with a comma before it unless it is the first one.
    fn line<W: ?Sized + Write>(&self, writer: &mut W, is_first: bool) -> io::Result<()> {
        let within = self.depth.min(DEEPEST);
        writer.write_all(&LINE[usize::from(is_first)..2 + 4 * within])?;
        (within..self.depth).try_for_each(|_| writer.write_all(b"    "))
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.line(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.line(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde::Serialize as _;
    use serde_json::ser::{PrettyFormatter, Serializer};
    use serde_json::{Value, json};

    fn both(value: &Value) -> (Vec<u8>, Vec<u8>) {
        let (mut own, mut usual) = (Vec::new(), Vec::new());
        value.serialize(&mut Serializer::with_formatter(&mut own, Indented::default())).expect("memory takes it");
        let formatter = PrettyFormatter::with_indent(b"    ");
        value.serialize(&mut Serializer::with_formatter(&mut usual, formatter)).expect("memory takes it");
        (own, usual)
    }

    #[test]
    fn the_form_is_the_librarys() {
        let mut deep = json!({"a": [1, {"b": [], "c": {}, "d": [[], [null, "x\ny"]]}], "e": {"f": {"g": 1.5}}});
        for _ in 0..DEEPEST + 3 {
            let (own, usual) = both(&deep);
            assert_eq!(String::from_utf8_lossy(&own), String::from_utf8_lossy(&usual));
            deep = json!([deep, true]);
        }
    }
}

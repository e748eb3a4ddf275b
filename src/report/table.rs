//! Aligned columns.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use crate::printable::OneLine;

/// Rows under a head, columns as wide as their widest cell, two blanks between; no trailing blanks.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    // A cell must not make lines of its own.
    let shown = |row: &Vec<String>| row.iter().map(|cell| OneLine(cell).to_string()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(shown).collect();
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// A span as people read it: `0.4 s`, `12 s`, `3:05`, `1:02:03`.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", span.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// A number of bytes as people read it: `512 B`, `1.5 KiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let (mut unit, mut divisor) = ("B", 1u64);
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if count / divisor < 1024 {
            break;
        }
        (unit, divisor) = (next, divisor * 1024);
    }
    let tenths = count.saturating_mul(10) / divisor;
    if divisor == 1 || tenths >= 1000 {
        format!("{} {unit}", count / divisor)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_blanks() {
        let rows = [vec!["a".into(), "long cell".into()], vec!["ümlaut".into(), String::new()]];
        assert_eq!(table(&["X", "Y"], &rows), "X       Y\na       long cell\nümlaut\n");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(span(Duration::from_millis(420)), "0.4 s");
        assert_eq!(span(Duration::from_secs(3725)), "1:02:05");
        assert_eq!(bytes(1000), "1000 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(200 << 20), "200 MiB");
    }
}

use std::io::{self, Write};

/// Columns that line up: text to the left, numbers to the right.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    right: bool,
}

impl Table {
    /// A title that begins with `>` is that of a column of numbers.
    pub(super) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('>') {
            Some(title) => Column { title, right: true },
            None => Column { title, right: false },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.columns.len(), "a row has a cell for each column");
        self.rows.push(row);
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.to_owned()).collect();
        let mut widths = vec![0; self.columns.len()];
        for row in self.rows.iter().chain([&titles]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in [&titles].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((column, cell), &width) in self.columns.iter().zip(row).zip(&widths) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                line.push_str(&if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") });
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["NAME", ">READY", "WHO"]);
        table.push(vec!["é".into(), "7".into(), String::new()]);
        table.push(vec!["orders.eu".into(), "1234567".into(), "me".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let expected = "NAME         READY  WHO\né                7\norders.eu  1234567  me\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

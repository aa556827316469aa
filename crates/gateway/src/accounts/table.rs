use std::io::Write;

use crate::exit::Failure;
use crate::offline::say;

/// Writes rows, the titles first, in columns that line up.
pub(super) fn write<const N: usize>(rows: &[[String; N]], out: &mut dyn Write) -> Result<(), Failure> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say(out, cells.join("  ").trim_end())?;
    }
    Ok(())
}

pub(super) fn yes(flag: bool) -> String {
    if flag { "yes" } else { "-" }.to_owned()
}

pub(super) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

//! Columns that line up, without lines between them.

use std::io;

use crate::show::{Console, Paint};

/// A table that is shown when it is complete.
pub struct Table<const N: usize> {
    head: [&'static str; N],
    rows: Vec<[Cell; N]>,
}

/// One field of a table.
pub struct Cell {
    text: String,
    paint: Option<Paint>,
    right: bool,
}

impl Cell {
    /// A number: aligned right.
    pub fn number(text: impl Into<String>) -> Self {
        Self { right: true, ..Self::from(text.into()) }
    }

    /// A field in a colour.
    pub fn painted(paint: Paint, text: impl Into<String>) -> Self {
        Self { paint: Some(paint), ..Self::from(text.into()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, paint: None, right: false }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl<const N: usize> Table<N> {
    /// A table with these headings.
    pub const fn new(head: [&'static str; N]) -> Self {
        Self { head, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// Writes the table, the headings only when there are rows.
    pub fn show(&self, console: &mut Console) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let widths = self.widths();
        let head = self.head.each_ref().map(|title| Cell::painted(Paint::Strong, *title));
        show_row(console, &head, &widths, self.rows.first())?;
        self.rows.iter().try_for_each(|row| show_row(console, row, &widths, None))
    }

    fn widths(&self) -> [usize; N] {
        let mut widths = self.head.map(width);
        for row in &self.rows {
            for (column, cell) in widths.iter_mut().zip(row) {
                *column = (*column).max(width(&cell.text));
            }
        }
        widths
    }
}

/// `like` tells on which side headings are aligned.
fn show_row<const N: usize>(
    console: &mut Console,
    row: &[Cell; N],
    widths: &[usize; N],
    like: Option<&[Cell; N]>,
) -> io::Result<()> {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate() {
        let padding = " ".repeat(widths[column] - width(&cell.text));
        let right = like.map_or(cell.right, |like| like[column].right);
        let text = match cell.paint {
            Some(paint) => console.paint(paint, &cell.text).to_string(),
            None => cell.text.clone(),
        };
        if column > 0 {
            line.push_str("  ");
        }
        let (first, second) = if right { (padding, text) } else { (text, padding) };
        line.push_str(&first);
        line.push_str(&second);
    }
    console.line(format_args!("{}", line.trim_end()))
}

/// Columns a text takes on a terminal, counting every character as one: names are mostly
/// alphabetic, and a table that is off by one for an emoji still reads.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;

    #[test]
    fn columns_line_up_on_their_own_side() {
        let mut table = Table::new(["NAME", "HOPS", "LINK"]);
        table.row(["Zoë".into(), Cell::number("10"), "tcp".into()]);
        table.row(["a longer name".into(), Cell::number("7"), "".into()]);
        let (out, read) = crate::tests::buffer();
        let global = Global { no_color: true, ..Global::default() };
        let mut console = Console::captured(out, Box::new(io::sink()), &global);
        table.show(&mut console).expect("a buffer takes everything");
        assert_eq!(
            read(),
            "NAME           HOPS  LINK\n\
             Zoë              10  tcp\n\
             a longer name     7\n"
        );
    }

    #[test]
    fn an_empty_table_shows_nothing() {
        let (out, read) = crate::tests::buffer();
        let mut console = Console::captured(out, Box::new(io::sink()), &Global::default());
        Table::<1>::new(["X"]).show(&mut console).expect("a buffer takes everything");
        assert_eq!(read(), "");
    }
}

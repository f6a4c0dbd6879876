//! Aligned tables for people. The last column takes what is left of the line.

use super::text;

/// What stands between two columns.
const GAP: &str = "  ";

/// The narrowest last column; where there is less room the line wraps.
const LAST_MIN: usize = 12;

/// One cell: its text on one line and its color.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    color: &'static str,
}

impl Cell {
    /// A cell in that color.
    pub fn colored(color: &'static str, text: impl AsRef<str>) -> Self {
        Self { text: text::one_line(text.as_ref()), color }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::colored("", text)
    }
}

/// Rows of cells, each with the lines that stand below it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    cells: Vec<Cell>,
    below: Vec<Cell>,
}

impl Table {
    /// A table with that header; an empty one is not printed.
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// One more row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, below: Vec::new() });
    }

    /// A text below the last row, indented to its second column, on as many lines as it needs: it is what a person
    /// has to read whole.
    pub fn below(&mut self, line: Cell) {
        if let Some(row) = self.rows.last_mut() {
            row.below.push(line);
        }
    }

    /// The table in lines of at most so many columns, each after that indent.
    pub fn render(&self, width: usize, indent: &str) -> String {
        let widths = self.widths();
        let mut shown = String::new();
        if !self.header.is_empty() {
            let cells: Vec<Cell> = self.header.iter().map(|name| Cell::colored(text::DIM, name)).collect();
            push_row(&mut shown, &cells, &Frame { widths: &widths, width, indent });
        }
        for row in &self.rows {
            push_row(&mut shown, &row.cells, &Frame { widths: &widths, width, indent });
            let inner =
                format!("{indent}{}", " ".repeat(widths.first().map_or(0, |first| first + GAP.len())));
            for line in &row.below {
                for part in text::wrapped(&line.text, width, &inner).lines() {
                    shown.push_str(&text::colored(line.color, part));
                    shown.push('\n');
                }
            }
        }
        shown
    }

    fn widths(&self) -> Vec<usize> {
        let count = self.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(self.header.len());
        let of = |index: usize| {
            let header = self.header.get(index).map_or(0, |name| text::columns(name));
            let cells = self.rows.iter().filter_map(|row| row.cells.get(index));
            cells.map(|cell| text::columns(&cell.text)).max().unwrap_or(0).max(header)
        };
        (0..count).map(of).collect()
    }
}

struct Frame<'a> {
    widths: &'a [usize],
    width: usize,
    indent: &'a str,
}

fn push_row(to: &mut String, cells: &[Cell], frame: &Frame<'_>) {
    let mut line = String::from(frame.indent);
    let mut used = text::columns(frame.indent);
    let last = frame.widths.len().saturating_sub(1);
    for (index, cell) in cells.iter().enumerate() {
        if index == last {
            let room = frame.width.saturating_sub(used).max(LAST_MIN);
            line.push_str(&text::colored(cell.color, &text::fit(&cell.text, room)));
        } else {
            let padding = " ".repeat(frame.widths[index].saturating_sub(text::columns(&cell.text)));
            line.push_str(&text::colored(cell.color, &cell.text));
            line.push_str(&padding);
            line.push_str(GAP);
            used += frame.widths[index] + GAP.len();
        }
    }
    to.push_str(line.trim_end());
    to.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_one_is_cut_to_the_width() {
        let mut table = Table::new(&["ID", "TYPE", "WHAT"]);
        table.row(vec!["1".into(), "implement".into(), "a text that is longer than the line".into()]);
        table.below("below".into());
        table.row(vec!["22".into(), "計画".into(), "short".into()]);
        let shown = anstream::adapter::strip_str(&table.render(30, " ")).to_string();
        assert_eq!(
            shown,
            " ID  TYPE       WHAT\n 1   implement  a text that i…\n     below\n 22  計画       short\n"
        );
    }

    #[test]
    fn a_row_with_fewer_cells_than_others_is_no_trouble() {
        let mut table = Table::new(&[]);
        table.row(vec!["a".into(), "b".into(), "c".into()]);
        table.row(vec!["only".into()]);
        table.row(Vec::new());
        assert_eq!(table.render(0, ""), "a     b  c\nonly\n\n");
    }
}

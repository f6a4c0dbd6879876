//! Aligned tables for people. The last column takes what is left of the line.

use super::text;

/// What stands between two columns.
const GAP: &str = "  ";

/// The narrowest last column; where there is less room the line wraps.
const LAST_MIN: usize = 12;

/// The narrowest column of those that give way.
const COLUMN_MIN: usize = 8;

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
    /// Columns give way where a line would be too long, the widest first.
    gives_way: bool,
}

#[derive(Debug, Clone)]
struct Row {
    cells: Vec<Cell>,
    below: Vec<Cell>,
}

impl Table {
    /// A table with that header; an empty one is not printed.
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new(), gives_way: false }
    }

    /// A table whose columns are cut too where a line would be too long, the widest first.
    pub fn giving_way(header: &[&'static str]) -> Self {
        Self { gives_way: true, ..Self::new(header) }
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
        let mut widths = self.widths();
        if self.gives_way {
            give_way(&mut widths, width.saturating_sub(text::columns(indent)));
        }
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

/// Makes the widest columns narrower until a line fits, the last one with what it needs at least.
fn give_way(widths: &mut [usize], room: usize) {
    let Some((last, others)) = widths.split_last_mut() else { return };
    let gaps = others.len() * GAP.len();
    while others.iter().sum::<usize>() + gaps + (*last).min(LAST_MIN) > room {
        match others.iter_mut().max() {
            Some(widest) if *widest > COLUMN_MIN => *widest -= 1,
            Some(_) | None => return,
        }
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
            let shown = match text::columns(&cell.text) > frame.widths[index] {
                true => text::fit(&cell.text, frame.widths[index]),
                false => cell.text.clone(),
            };
            let padding = " ".repeat(frame.widths[index].saturating_sub(text::columns(&shown)));
            line.push_str(&text::colored(cell.color, &shown));
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
    fn columns_give_way_where_a_line_would_be_too_long() {
        let mut table = Table::giving_way(&["ID", "WHEN", "WHAT"]);
        table.row(vec![
            "1".into(),
            "every day at 09:00, Europe/Berlin time".into(),
            "run nightly-backup".into(),
        ]);
        let render = |width| anstream::adapter::strip_str(&table.render(width, "")).to_string();
        assert_eq!(
            render(40),
            "ID  WHEN                    WHAT\n1   every day at 09:00, E…  run nightly…\n"
        );
        let all = "ID  WHEN                                    WHAT\n1   every day at 09:00, Europe/Berlin time  run nightly-backup\n";
        assert_eq!(render(usize::MAX), all);
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

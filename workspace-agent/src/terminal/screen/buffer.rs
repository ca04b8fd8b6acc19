//! One of the two screens, with its scrollback if it has one.

use std::collections::{BTreeSet, VecDeque};

use super::cell::{Cell, Line, Look};
use super::charsets::Charset;
use super::scrollback::Scrollback;

/// How far tab stops are apart.
const TAB: usize = 8;

/// A screen.
#[derive(Debug)]
pub struct Buffer {
    /// The lines that are shown, as many as there are rows.
    pub lines: VecDeque<Line>,
    /// What scrolled off at the top; of the alternate screen nothing is kept.
    pub scrollback: Scrollback,
    cols: usize,
    rows: usize,
    /// The cursor's column. One beyond the last waits to wrap.
    pub x: usize,
    /// The cursor's row.
    pub y: usize,
    /// The scroll region's first row.
    pub top: usize,
    /// The scroll region's last row.
    pub bottom: usize,
    /// Columns with a tab stop.
    pub tabs: BTreeSet<usize>,
    /// What was saved last.
    pub saved: Saved,
}

/// A saved cursor.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Saved {
    /// The column.
    pub x: usize,
    /// The row, counted from the scrollback's first line.
    pub line: usize,
    /// Colours and flags.
    pub look: Look,
    /// The character set.
    pub charset: Charset,
}

impl Buffer {
    /// An empty screen, of whose scrollback so many lines are kept.
    pub fn new(cols: usize, rows: usize, keep: usize) -> Self {
        let mut buffer = Self {
            lines: VecDeque::new(),
            scrollback: Scrollback::new(keep),
            cols,
            rows,
            x: 0,
            y: 0,
            top: 0,
            bottom: rows - 1,
            tabs: BTreeSet::new(),
            saved: Saved::default(),
        };
        buffer.reset_tabs();
        buffer.fill(Cell::default());
        buffer
    }

    /// Empty, with everything as at the start but the saved cursor. Lines are made of `fill`.
    pub fn clear(&mut self, fill: Cell) {
        self.scrollback.clear();
        (self.x, self.y, self.top, self.bottom) = (0, 0, 0, self.rows - 1);
        self.reset_tabs();
        self.fill(fill);
    }

    fn fill(&mut self, fill: Cell) {
        self.lines = std::iter::repeat_with(|| Line::blank(self.cols, fill)).take(self.rows).collect();
    }

    fn reset_tabs(&mut self) {
        self.tabs = (0..self.cols).step_by(TAB).collect();
    }

    /// The line with the cursor.
    pub fn line(&mut self) -> &mut Line {
        &mut self.lines[self.y]
    }

    /// All cells that hold more than a plain character, and maybe others.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.scrollback.cells().chain(self.lines.iter().flat_map(|line| &line.cells))
    }

    /// The cursor's row, counted from the scrollback's first line.
    pub fn absolute_y(&self) -> usize {
        self.scrollback.len() + self.y
    }

    /// Moves the region one line up. What leaves the screen at its top goes into the scrollback.
    pub fn scroll(&mut self, fill: Cell, wrapped: bool) {
        let mut line =
            if self.top == 0 { self.leave_at_top() } else { self.lines.remove(self.top).unwrap_or_default() };
        line.clear(self.cols, fill, wrapped);
        self.lines.insert(self.bottom, line);
    }

    /// Takes the top line off the screen. Returns a line that may be used again.
    fn leave_at_top(&mut self) -> Line {
        let gone = self.lines.pop_front().unwrap_or_default();
        self.scrollback.push(&gone);
        gone
    }

    /// Removes `count` lines at `row` and has as many blank ones come in at the region's end.
    pub fn delete_lines(&mut self, row: usize, count: usize, fill: Cell) {
        for _ in 0..count.min(self.bottom + 1 - row) {
            let mut line = self.lines.remove(row).unwrap_or_default();
            line.clear(self.cols, fill, false);
            self.lines.insert(self.bottom, line);
        }
    }

    /// Puts `count` blank lines in at `row`; as many leave at the region's end.
    pub fn insert_lines(&mut self, row: usize, count: usize, fill: Cell) {
        for _ in 0..count.min(self.bottom + 1 - row) {
            let mut line = self.lines.remove(self.bottom).unwrap_or_default();
            line.clear(self.cols, fill, false);
            self.lines.insert(row, line);
        }
    }

    /// The next tab stop to the right.
    pub fn next_stop(&self) -> usize {
        self.tabs.range(self.x + 1..).next().copied().unwrap_or(self.cols).min(self.cols - 1)
    }

    /// The next tab stop to the left.
    pub fn previous_stop(&self) -> usize {
        self.tabs.range(..self.x).next_back().copied().unwrap_or(0).min(self.cols - 1)
    }

    /// Another size. On the screen with scrollback, lines that go on in the next one are laid out anew.
    pub fn resize(&mut self, cols: usize, rows: usize) {
        self.fit_rows(cols.max(self.cols), rows);
        self.x = self.x.min(cols - 1);
        self.y = self.y.min(rows - 1);
        if cols != self.cols && !self.scrollback.is_none() {
            self.lay_out(cols, rows);
        }
        for line in &mut self.lines {
            line.cells.resize(cols, Cell::default());
            if line.width(cols - 1) == 2 {
                line.cells[cols - 1] = Cell::default();
            }
        }
        self.tabs.retain(|stop| *stop < self.cols.min(cols));
        self.tabs.extend((0..cols).step_by(TAB).filter(|stop| *stop >= self.cols));
        (self.cols, self.rows) = (cols, rows);
        (self.top, self.bottom) = (0, rows - 1);
        self.saved.x = self.saved.x.min(cols - 1);
    }

    fn fit_rows(&mut self, cols: usize, rows: usize) {
        while self.lines.len() > rows {
            if self.lines.len() > self.y + 1 {
                self.lines.pop_back();
            } else {
                self.leave_at_top();
                self.y -= 1;
            }
        }
        while self.lines.len() < rows {
            if self.lines.len() == self.y + 1
                && let Some(mut line) = self.scrollback.pop()
            {
                line.cells.resize(cols, Cell::default());
                self.lines.push_front(line);
                self.y += 1;
            } else {
                self.lines.push_back(Line::blank(cols, Cell::default()));
            }
        }
    }

    /// Lays all lines out for another width, but for those of the paragraph with the cursor: its program draws it anew. Where
    /// the screen, the cursor and the saved cursor come to be is as the page's emulator has it, which counts lines that are added
    /// or removed and does not ask where.
    fn lay_out(&mut self, cols: usize, rows: usize) {
        let (cursor, mut base) = (self.absolute_y(), self.scrollback.len());
        let all: Vec<Line> = self.scrollback.drain().chain(self.lines.drain(..)).collect();
        let before = all.len();
        let mut laid = VecDeque::with_capacity(before);
        let mut rest = all.into_iter().enumerate().peekable();
        while let Some((row, line)) = rest.next() {
            let mut paragraph = vec![line];
            while let Some((_, line)) = rest.next_if(|(_, line)| line.wrapped) {
                paragraph.push(line);
            }
            if (row..row + paragraph.len()).contains(&cursor) {
                paragraph.iter_mut().for_each(|line| line.cells.truncate(cols));
                laid.extend(paragraph);
            } else {
                paragraph.iter_mut().for_each(Line::trim);
                let cells: Vec<Cell> = paragraph.into_iter().flat_map(|line| line.cells).collect();
                wrap(&cells, cols, &mut laid);
            }
        }
        let after = laid.len();
        for _ in after..before {
            if base == 0 {
                self.y = self.y.saturating_sub(1);
            } else {
                base -= 1;
            }
        }
        let full = self.scrollback.most() + rows;
        for _ in before..after.min(full.max(before)) {
            if base == 0 && self.y < rows - 1 {
                self.y += 1;
                laid.pop_back();
            } else {
                base += 1;
            }
        }
        self.saved.line = if after < before {
            self.saved.line.saturating_sub(before - after)
        } else if after > before {
            (self.saved.line + (after - before)).min(base + rows - 1)
        } else {
            self.saved.line
        };
        laid.drain(..laid.len().saturating_sub(full));
        laid.drain(..base.min(laid.len())).for_each(|line| self.scrollback.push(&line));
        laid.resize_with(rows, Line::default);
        self.lines = laid;
    }
}

/// Cuts a paragraph into lines, never through a wide character.
fn wrap(cells: &[Cell], cols: usize, lines: &mut VecDeque<Line>) {
    let mut rest = cells;
    let mut wrapped = false;
    loop {
        let mut end = cols.min(rest.len());
        if end < rest.len() && end > 1 && rest[end - 1].width() == 2 {
            end -= 1;
        }
        lines.push_back(Line { cells: rest[..end].to_vec(), wrapped });
        rest = &rest[end..];
        wrapped = true;
        if rest.is_empty() {
            return;
        }
    }
}

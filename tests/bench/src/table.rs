//! What a run prints: one table a subject, each figure beside the floor of the same run and what is aimed at.

use std::fmt;

/// A value with its unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Figure {
    /// Seconds.
    Time(f64),
    /// Bytes.
    Bytes(f64),
    /// A number of things.
    Count(f64),
}

impl Figure {
    const fn value(self) -> f64 {
        match self {
            Self::Time(value) | Self::Bytes(value) | Self::Count(value) => value,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = |f: &mut fmt::Formatter<'_>, value: f64, unit: &str| {
            let digits = match value.abs() {
                small if small < 10.0 => 2,
                middle if middle < 100.0 => 1,
                _ => 0,
            };
            write!(f, "{value:.digits$} {unit}")
        };
        match *self {
            value if value.value().is_nan() => f.write_str("–"),
            Self::Time(seconds) if seconds.abs() < 1e-3 => scaled(f, seconds * 1e6, "µs"),
            Self::Time(seconds) if seconds.abs() < 1.0 => scaled(f, seconds * 1e3, "ms"),
            Self::Time(seconds) => scaled(f, seconds, "s"),
            Self::Bytes(bytes) if bytes.abs() < 1024.0 * 1024.0 => scaled(f, bytes / 1024.0, "KiB"),
            Self::Bytes(bytes) => scaled(f, bytes / 1024.0 / 1024.0, "MiB"),
            Self::Count(count) => write!(f, "{count:.0}"),
        }
    }
}

/// What is aimed at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aim {
    /// Nothing in particular.
    None,
    /// At most this.
    AtMost(Figure),
    /// At least this.
    AtLeast(Figure),
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At least so many times the floor: more is better.
    TimesFloorOrMore(f64),
    /// At most so much more than the floor.
    OverFloor(Figure),
}

/// One line of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    what: String,
    figure: Figure,
    floor: Option<Figure>,
    aim: Aim,
}

impl Row {
    /// A figure by itself.
    pub fn new(what: impl Into<String>, figure: Figure) -> Self {
        Self { what: what.into(), figure, floor: None, aim: Aim::None }
    }

    /// The floor that was measured beside it.
    #[must_use]
    pub const fn floor(mut self, floor: Figure) -> Self {
        self.floor = Some(floor);
        self
    }

    /// What is aimed at.
    #[must_use]
    pub const fn aim(mut self, aim: Aim) -> Self {
        self.aim = aim;
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.map(|floor| self.figure.value() / floor.value()).filter(|ratio| ratio.is_finite())
    }

    fn aimed_at(&self) -> String {
        match self.aim {
            Aim::None => String::new(),
            Aim::AtMost(most) => format!("≤ {most}"),
            Aim::AtLeast(least) => format!("≥ {least}"),
            Aim::TimesFloor(times) => format!("≤ {times}× floor"),
            Aim::TimesFloorOrMore(times) => format!("≥ {times}× floor"),
            Aim::OverFloor(more) => format!("≤ floor + {more}"),
        }
    }

    /// Whether the aim was reached, if there is one and what it takes to tell.
    fn reached(&self) -> Option<bool> {
        let value = self.figure.value();
        match self.aim {
            Aim::None => None,
            Aim::AtMost(most) => Some(value <= most.value()),
            Aim::AtLeast(least) => Some(value >= least.value()),
            Aim::TimesFloor(times) => self.ratio().map(|ratio| ratio <= times),
            Aim::TimesFloorOrMore(times) => self.ratio().map(|ratio| ratio >= times),
            Aim::OverFloor(more) => self.floor.map(|floor| value <= floor.value() + more.value()),
        }
    }

    fn cells(&self) -> [String; 6] {
        let reached = self.reached().map_or("", |reached| if reached { "yes" } else { "NO" });
        [
            self.what.clone(),
            self.figure.to_string(),
            self.floor.map(|floor| floor.to_string()).unwrap_or_default(),
            self.ratio().map(|ratio| format!("{ratio:.2}×")).unwrap_or_default(),
            self.aimed_at(),
            reached.to_owned(),
        ]
    }
}

/// A subject's results.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// What was measured.
    pub title: String,
    /// The figures.
    pub rows: Vec<Row>,
    /// What a reader should know of them.
    pub notes: Vec<String>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "figure", "floor", "ratio", "aim", "reached"].map(str::to_owned);
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width =
            |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        writeln!(f, "\n{}", self.title)?;
        for (index, cells) in lines.iter().enumerate() {
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                if column == 0 { write!(f, "  {cell}{padding}")? } else { write!(f, "  {padding}{cell}")? }
            }
            writeln!(f)?;
            if index == 0 {
                writeln!(f, "  {}", "─".repeat(widths.iter().sum::<usize>() + 10))?;
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  · {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_in_the_unit_that_suits_them() {
        assert_eq!(Figure::Time(0.000_025).to_string(), "25.0 µs");
        assert_eq!(Figure::Time(0.123).to_string(), "123 ms");
        assert_eq!(Figure::Time(1.5).to_string(), "1.50 s");
        assert_eq!(Figure::Bytes(35.0 * 1024.0).to_string(), "35.0 KiB");
        assert_eq!(Figure::Time(f64::NAN).to_string(), "–");
    }

    #[test]
    fn an_aim_is_held_against_the_floor_of_its_row() {
        let row = Row::new("x", Figure::Time(3.0)).floor(Figure::Time(2.0));
        assert_eq!(row.clone().aim(Aim::TimesFloor(2.0)).reached(), Some(true));
        assert_eq!(row.clone().aim(Aim::TimesFloor(1.2)).reached(), Some(false));
        assert_eq!(row.clone().aim(Aim::OverFloor(Figure::Time(0.5))).reached(), Some(false));
        assert_eq!(row.reached(), None);
    }
}

//! The audit trail on the command line.

use std::io::Write;
use std::str::FromStr;

use clap::Args;
use protocol::Millis;
use time::{Date, Month};

use crate::clock;
use crate::store::records::AuditFilter;
use crate::store::{Store, export_audit};

/// Which deeds.
#[derive(Args, Clone, Debug, Default)]
pub struct TrailArgs {
    /// Not before: 2026-11-24, 2026-11-24T08:30:00Z, or 36h or 7d, which is so long ago.
    #[arg(long)]
    since: Option<When>,
    /// Before, likewise.
    #[arg(long)]
    until: Option<When>,
    /// By this one: a user's id, or atelier.
    #[arg(long)]
    who: Option<String>,
    /// Of this kind, token_created for example.
    #[arg(long)]
    kind: Option<String>,
    /// Done by this one, to it, or in its workspace: an id.
    #[arg(long)]
    about: Option<String>,
}

/// Writes what was done, a line of JSON each, the oldest first, and returns how much there was.
///
/// # Errors
/// When the store or the writer fails.
pub async fn export(store: &dyn Store, args: TrailArgs, to: &mut (dyn Write + Send)) -> anyhow::Result<u64> {
    let TrailArgs { since, until, who, kind, about } = args;
    let at = |when: Option<When>| when.map(|When(at)| at);
    let filter = AuditFilter { from: at(since), until: at(until), kind, who, about };
    export_audit(store, &filter, to).await
}

/// A time on the command line, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct When(Millis);

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = "not a time: write 2026-11-24, 2026-11-24T08:30:00Z, 36h or 7d";
        ago(text).or_else(|| date(text)).map(When).ok_or(words)
    }
}

fn ago(text: &str) -> Option<Millis> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        _ => return None,
    };
    let since: Millis = number.parse::<u32>().ok()?.into();
    Some(clock::now().saturating_sub(since * hours * 3_600_000))
}

fn date(text: &str) -> Option<Millis> {
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let mut parts = day.split('-');
    let mut next = || parts.next();
    let (year, month, day) = (next()?, next()?, next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut parts = time.strip_suffix('Z')?.split(':').map(|part| part.parse::<u8>().ok());
    let mut next = || parts.next().unwrap_or(Some(0));
    let date = date.with_hms(next()?, next()?, next()?).ok()?;
    let nothing_more = parts.next().is_none();
    let seconds = Millis::try_from(date.assume_utc().unix_timestamp()).ok()?;
    nothing_more.then_some(seconds * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<When>().map(|When(at)| at);
        assert_eq!(read("1970-01-02"), Ok(86_400_000));
        assert_eq!(read("2026-11-24T08:30:00Z"), Ok(1_795_509_000_000));
        assert_eq!(read("2026-11-24T08:30Z"), read("2026-11-24T08:30:00Z"));
        let day = clock::now() - read("1d").unwrap();
        assert!((86_400_000..86_460_000).contains(&day));
        for text in ["", "yesterday", "d", "1w", "2026-13-01", "2026-02-30", "2026-11-24T25:00:00Z", "-1d"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

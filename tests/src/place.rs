//! A place on this machine for one process of stories: what it names and numbers is nobody else's.

use std::fs::File;
use std::sync::OnceLock;

use anyhow::Context;

/// As many processes may run stories at a time.
const PLACES: u8 = 64;

/// The place of this process, held until it ends.
static PLACE: OnceLock<Option<(u8, File)>> = OnceLock::new();

/// The number of this process among those that run stories.
///
/// # Errors
/// When too many do already, or the lock files can't be made.
pub fn number() -> anyhow::Result<u8> {
    let place = PLACE.get_or_init(|| (0..PLACES).find_map(|number| Some((number, claim(number)?))));
    let (number, _) = place.as_ref().context("too many processes run stories on this machine")?;
    Ok(*number)
}

/// The lock goes with the process, however that ends.
fn claim(number: u8) -> Option<File> {
    let file = File::create(std::env::temp_dir().join(format!("atelier-stories-{number}.lock"))).ok()?;
    file.try_lock().is_ok().then_some(file)
}

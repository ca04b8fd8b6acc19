//! The journal of a conversation after anything at all has happened to its file.

use workspace_agent::conversation::journal::read_records;

/// What can be read of it is a prefix, and cutting off the rest changes nothing.
///
/// # Panics
/// When it does.
pub fn run(bytes: &[u8]) {
    let (records, end) = read_records(bytes).expect("memory can be read");
    let kept = usize::try_from(end).ok().and_then(|end| bytes.get(..end)).expect("its end is inside of it");
    let (again, end_again) = read_records(kept).expect("memory can be read");
    assert_eq!((again.len(), end_again), (records.len(), end), "cutting off what is torn changed the rest");
}

//! What is true of the Firestore store alone. It is held to its word by the real emulator, which `scripts/firestore.sh`
//! starts; without one these tests say so, once, and pass, unless they run in continuous integration.

use std::io::Write;
use std::sync::{Arc, Once};

use control_plane::store::firestore::{Database, EMULATOR, Firestore};
use control_plane::store::{Store, StoreAt};
use uuid::Uuid;

use super::world::World;

mod faults;
mod remains;

/// Whether it was said that there is no emulator.
static SAID: Once = Once::new();

/// Whether there is an emulator.
fn is_there() -> bool {
    if std::env::var_os(EMULATOR).is_some() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "there is no Firestore emulator ({EMULATOR}); run this with scripts/firestore.sh"
    );
    SAID.call_once(|| {
        // Not by a macro: what those print is shown of failed tests only.
        let words = format!(
            "skipped: there is no Firestore emulator ({EMULATOR}); run this with scripts/firestore.sh\n"
        );
        std::io::stderr().write_all(words.as_bytes()).unwrap();
    });
    false
}

/// A database that nobody has used: the emulator makes one for every project that is asked for.
fn fresh_database() -> Database {
    Database::new(&format!("test-{}", Uuid::new_v4().simple()), None).unwrap()
}

async fn open(database: &Database) -> Arc<dyn Store> {
    Arc::new(Firestore::open(database).await.unwrap())
}

/// Two handles on one fresh database.
pub(crate) async fn world() -> Option<World> {
    if !is_there() {
        return None;
    }
    let database = fresh_database();
    Some(World::new([open(&database).await, open(&database).await], StoreAt::Firestore(database), ()))
}

//! Journals that can't be opened are the trouble of their conversations alone; what finds no room waits for it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use protocol::close::ErrorCode;
use protocol::link::{ActivityKind, Delivery, FromAgent, FromControl};
use protocol::settings::Settings;
use protocol::status::Versions;
use protocol::{ConversationId, ItemId, Position};
use tempfile::TempDir;
use uuid::Uuid;
use workspace_agent::config::Config;
use workspace_agent::daemon::{Cursors, Desk};
use workspace_agent::process::Processes;

use crate::desk::person;

fn config(state: &Path) -> Config {
    Config {
        link: String::new(),
        uid: 20_000,
        nproc: 448,
        user_name: "user".to_owned(),
        home: state.join("home"),
        workspace: state.join("workspace"),
        state: state.to_owned(),
        claude: "/nowhere/claude".into(),
        model_port: 0,
        program: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_makes_no_sense_is_put_aside_and_one_that_cannot_be_opened_refuses() {
    let state = tempfile::tempdir().unwrap();
    let config = config(state.path());
    let [senseless, closed] = [1, 2].map(|n| ConversationId(Uuid::from_u128(n)));
    let dir = |id: ConversationId| config.conversations().join(id.to_string());
    // A checkpoint, whole and of no meaning; and a folder where a file should be.
    let record = [&8_u32.to_le_bytes()[..], &crc(b"\x05nonsense").to_le_bytes(), b"\x05nonsense"].concat();
    std::fs::create_dir_all(dir(senseless)).unwrap();
    std::fs::write(dir(senseless).join("journal"), &record).unwrap();
    std::fs::create_dir_all(dir(closed).join("journal")).unwrap();

    let desk = open(&config);
    let logs = desk.hello().logs;
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].conversation, logs[0].end), (senseless, Position::default()));
    assert_eq!(std::fs::read(dir(senseless).join("journal.unreadable")).unwrap(), record);

    let item = ItemId(Uuid::from_u128(3));
    desk.take(message(closed, item));
    let refused = FromAgent::Settled { conversation: closed, item, refused: Some(ErrorCode::Unavailable) };
    assert_eq!(desk.untold(), [refused]);
    assert!(desk.untold().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_conversation_has_no_room_for_waits_and_is_not_refused() {
    let state = tempfile::tempdir().unwrap();
    let config = config(state.path());
    std::fs::create_dir_all(config.conversations()).unwrap();
    let desk = Arc::new(open(&config));
    let conversation = ConversationId(Uuid::from_u128(1));
    // The conversation's task does not come to run: the runtime's only thread is kept busy.
    let (release, busy) = std::sync::mpsc::channel();
    let blocked = tokio::spawn(async move { busy.recv() });
    let items = 1..=100;
    for n in items.clone() {
        desk.take(message(conversation, ItemId(Uuid::from_u128(n))));
    }
    let mut cursors = desk.cursors();
    let told = |cursors: &mut Cursors| -> Vec<FromAgent> {
        cursors.refresh(&desk).flat_map(|(outgoing, cursor)| outgoing.next_messages(cursor)).collect()
    };
    let refused = |news: &FromAgent| matches!(news, FromAgent::Settled { .. });
    assert!(!told(&mut cursors).iter().any(refused));
    assert_eq!(desk.untold(), []);

    tokio::spawn(Arc::clone(&desk).retry_held());
    release.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    let all_taken = async {
        while desk.hello().logs[0].end.n < *items.end() as u64 {
            desk.changed().notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_taken).await.unwrap();
    assert!(!told(&mut cursors).iter().any(refused));
}

/// A disk of its own, gone with the value.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// With room for what is kept back, and some.
    fn mount() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        let mut mount = Command::new("mount");
        let mount =
            mount.args(["-t", "tmpfs", "-o", "size=4m,nr_inodes=64", "tmpfs"]).arg(disk.path()).status();
        assert!(mount.unwrap().success(), "only root can mount what this test needs");
        disk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room there is, for bytes and for files; the folder to remove to give it back.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        std::fs::create_dir(&path).unwrap();
        let mut file = File::create(path.join("bytes")).unwrap();
        while file.write_all(&[7; 512]).is_ok() {}
        let _ = (0..).map_while(|n| File::create(path.join(format!("{n}"))).ok()).count();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_of_a_conversation_waits_for_a_full_disk() {
    let disk = SmallDisk::mount();
    let config = config(disk.path());
    std::fs::create_dir_all(config.conversations()).unwrap();
    let desk = Arc::new(open(&config));
    let conversation = ConversationId(Uuid::from_u128(1));
    // What was kept back is gone, too.
    std::fs::remove_file(disk.path().join("reserve")).unwrap();
    let filler = disk.fill();

    desk.take(message(conversation, ItemId(Uuid::from_u128(2))));
    let untold = desk.untold();
    let full = |told: &FromAgent| matches!(told, FromAgent::Activity { activity, .. } if activity.what == ActivityKind::DiskFull {});
    assert!(untold.len() == 1 && untold.iter().all(full), "{untold:?}");

    tokio::spawn(Arc::clone(&desk).retry_held());
    std::fs::remove_dir_all(filler).unwrap();
    let taken = async {
        while desk.hello().logs.first().is_none_or(|log| log.end.n == 0) {
            desk.changed().notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.unwrap();
    assert_eq!(desk.untold(), []);
}

fn open(config: &Config) -> Desk {
    let versions = Versions { workspace_agent: "0".to_owned(), claude: "0".to_owned() };
    Desk::open(Arc::new(config.clone()), Arc::new(Processes::default()), versions).unwrap()
}

fn message(conversation: ConversationId, item: ItemId) -> FromControl {
    FromControl::Deliver(Delivery {
        conversation,
        item,
        by: person(),
        text: "hello".to_owned(),
        steer: false,
        again_of: None,
        settings: Settings::default(),
        known: None,
    })
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(bytes);
    crc.finalize()
}

//! Journals that can't be opened are the trouble of their conversations alone.

use std::path::Path;
use std::sync::Arc;

use protocol::close::ErrorCode;
use protocol::link::{Delivery, FromAgent, FromControl};
use protocol::settings::Settings;
use protocol::status::Versions;
use protocol::{ConversationId, ItemId, Position};
use uuid::Uuid;
use workspace_agent::config::Config;
use workspace_agent::daemon::Desk;
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

    let versions = Versions { workspace_agent: "0".to_owned(), claude: "0".to_owned() };
    let processes = Arc::new(Processes::default());
    let desk = Desk::open(Arc::new(config.clone()), processes, versions).unwrap();
    let logs = desk.hello().logs;
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].conversation, logs[0].end), (senseless, Position::default()));
    assert_eq!(std::fs::read(dir(senseless).join("journal.unreadable")).unwrap(), record);

    let item = ItemId(Uuid::from_u128(3));
    desk.take(FromControl::Deliver(Delivery {
        conversation: closed,
        item,
        by: person(),
        text: "hello".to_owned(),
        steer: false,
        again_of: None,
        settings: Settings::default(),
    }));
    let refused = FromAgent::Settled { conversation: closed, item, refused: Some(ErrorCode::Unavailable) };
    assert_eq!(desk.refusals(), [refused]);
    assert!(desk.refusals().is_empty());
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(bytes);
    crc.finalize()
}

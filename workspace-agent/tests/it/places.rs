//! More conversations than places for processes, with the real tasks and a script in Claude's stead.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::link::{Delivery, FromControl, Policy, Welcome};
use protocol::settings::Settings;
use protocol::status::Versions;
use protocol::{ConversationId, ItemId};
use uuid::Uuid;
use workspace_agent::config::Config;
use workspace_agent::daemon::Desk;

use crate::desk::{POLICY, person};

/// What is started instead of `exec-as … claude …`: it notes its session, and ends each turn once there is a file that says
/// so.
const CLAUDE: &str = r#"#!/bin/sh
before=
for argument; do
  case $before in --session-id|--resume) session=$argument;; esac
  before=$argument
done
echo "$session" >>DIR/started
while IFS= read -r line; do
  case $line in
    *'"initialize"'*)
      id=$(echo "$line" | sed 's/.*"request_id":"\([^"]*\)".*/\1/')
      echo '{"type":"control_response","response":{"subtype":"success","request_id":"'"$id"'","response":{"session_state":"idle"}}}' ;;
    *'"type":"user"'*)
      id=$(echo "$line" | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
      echo '{"type":"command_lifecycle","command_uuid":"'"$id"'","state":"started"}'
      echo '{"type":"system","subtype":"init","session_id":"'"$session"'"}'
      while [ -d DIR ] && [ ! -e "DIR/over-$session" ]; do sleep 0.05; done
      rm -f "DIR/over-$session"
      echo '{"type":"result","subtype":"success","result":"done","user_message_uuids":["'"$id"'"]}' ;;
  esac
done
"#;

struct Workshop {
    dir: tempfile::TempDir,
    desk: Desk,
}

impl Workshop {
    async fn with_places(max_processes: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let program = path.join("claude");
        std::fs::write(&program, CLAUDE.replace("DIR", path.to_str().unwrap())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(path.join("conversations")).unwrap();
        let desk = Desk::open(Arc::new(config(path, &program)), Arc::default(), versions()).unwrap();
        let policy = Policy { max_processes, ..POLICY };
        desk.welcomed(Welcome { link: 1, logs: Vec::new(), policy }).await.unwrap();
        Self { dir, desk }
    }

    fn send(&self, conversation: ConversationId) {
        self.desk.take(FromControl::Deliver(Delivery {
            conversation,
            item: ItemId(Uuid::new_v4()),
            by: person(),
            text: "hello".to_owned(),
            steer: false,
            again_of: None,
            settings: Settings::default(),
            known: None,
        }));
    }

    /// The turn of this conversation is over.
    fn end_turn(&self, conversation: ConversationId) {
        std::fs::write(self.dir.path().join(format!("over-{conversation}")), "").unwrap();
    }

    /// Waits until so many processes were started, and says for which conversations, in order.
    async fn started(&self, count: usize) -> Vec<String> {
        let read = || std::fs::read_to_string(self.dir.path().join("started")).unwrap_or_default();
        for _ in 0..600 {
            if read().lines().count() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        read().lines().map(str::to_owned).collect()
    }
}

fn config(state: &Path, program: &Path) -> Config {
    Config {
        link: String::new(),
        uid: 20_000,
        nproc: 448,
        user_name: "user".to_owned(),
        home: state.join("home"),
        workspace: state.join("workspace"),
        state: state.to_owned(),
        claude: "claude".into(),
        model_port: 0,
        program: Some(program.to_owned()),
    }
}

fn versions() -> Versions {
    Versions { workspace_agent: "0".to_owned(), claude: "0".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_place_has_it_as_soon_as_another_has_nothing_to_do() {
    let workshop = Workshop::with_places(2).await;
    let [a, b, c, d] = [1, 2, 3, 4].map(|n| ConversationId(Uuid::from_u128(n)));
    let mut expected = Vec::new();
    for first in [a, b] {
        workshop.send(first);
        expected.push(first.to_string());
        assert_eq!(workshop.started(expected.len()).await, expected);
    }
    for later in [c, d] {
        workshop.send(later);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(workshop.started(2).await, expected, "everybody has something to do");
    }
    // Who waited for longest is first, and who wants a place again waits behind them.
    for (over, next) in [(b, c), (a, d)] {
        workshop.end_turn(over);
        expected.push(next.to_string());
        assert_eq!(workshop.started(expected.len()).await, expected);
    }
    workshop.send(a);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(workshop.started(4).await, expected, "everybody has something to do");
    workshop.end_turn(d);
    expected.push(a.to_string());
    assert_eq!(workshop.started(5).await, expected);
}

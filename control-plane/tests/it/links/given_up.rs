//! A dial that its workspace-agent gave up before it was counted, and which must not take the place of the next one.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::link::{FromAgent, Hello};
use protocol::status::Versions;
use rusqlite::Connection;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::agent::Agent;
use crate::plane::Plane;

fn hello() -> Message {
    let versions = Versions { workspace_agent: "1".into(), claude: "1".into() };
    let hello = Hello { boot: Uuid::new_v4(), versions, capabilities: Vec::new(), logs: Vec::new() };
    Message::text(serde_json::to_string(&FromAgent::Hello(hello)).unwrap())
}

#[tokio::test]
async fn one_whose_peer_is_gone_before_it_is_counted_takes_nobodys_place() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let agent = Agent::enrol(&plane, workspace).await;
    let mut live = agent.link(&plane).await;
    live.send(hello()).await.unwrap();
    while !matches!(live.next().await.unwrap().unwrap(), Message::Text(_)) {}
    assert_eq!(plane.app().links.count(), 1);

    let mut given_up = agent.link(&plane).await;
    let file = Connection::open(plane.folder.path().join("data/atelier.db")).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    given_up.send(hello()).await.unwrap();
    given_up.close(None).await.unwrap();
    let ended = async { while let Some(Ok(_)) = given_up.next().await {} };
    let ended = tokio::time::timeout(Duration::from_secs(3), ended).await;
    file.execute_batch("ROLLBACK").unwrap();
    assert!(ended.is_ok(), "it waits to be counted though its peer is gone");

    // The other one is not told that it is superseded: it is asked whether it lives.
    loop {
        match live.next().await.unwrap().unwrap() {
            Message::Ping(_) => break,
            Message::Close(why) => panic!("{why:?}"),
            Message::Text(_) | Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    assert_eq!(plane.app().links.count(), 1);
}

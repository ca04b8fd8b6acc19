//! A whole Atelier whose records are in Firestore: the real emulator, which `scripts/firestore.sh` starts.

use crate::deaths::comes_back_to_one_answer;
use e2e::{Stack, StackOptions};

/// Flags for a database that nobody has used; without an emulator there is none, and the story is skipped.
pub(crate) fn fresh() -> Option<(String, Vec<String>)> {
    if std::env::var_os("FIRESTORE_EMULATOR_HOST").is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no Firestore emulator; use scripts/firestore.sh");
        return None;
    }
    let project = format!("story-{}", uuid::Uuid::new_v4().simple());
    let flags = vec!["--store=firestore".to_owned(), format!("--firestore-project={project}")];
    Some((project, flags))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_killed_in_mid_stream_comes_back_to_one_answer() -> anyhow::Result<()> {
    let Some((_, flags)) = fresh() else { return Ok(()) };
    let mut stack = Stack::start_with(StackOptions { flags, ..Default::default() }).await?;
    let (viewer, conversation) = comes_back_to_one_answer(&mut stack).await?;
    let path = format!("/api/conversations/{conversation}");
    viewer.request(reqwest::Method::DELETE, &path).send().await?.error_for_status()?;
    let status = viewer.request(reqwest::Method::GET, &format!("{path}/events")).send().await?.status();
    assert_eq!(status, 404);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_moved_there_and_the_conversation_goes_on() -> anyhow::Result<()> {
    let Some((project, flags)) = fresh() else { return Ok(()) };
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "remember this").await?;
    viewer.result_of(&conversation, &first).await?;
    stack.stop_control_plane().await;
    let from = format!("sqlite:{}", stack.data.path().join("atelier.db").display());
    let to = format!("firestore:{project}");
    let said = stack.command(&["move-store", "--from", &from, "--to", &to]).await?;
    assert!(said.contains("was compared"), "{said}");
    // From the old store it does not serve any more.
    assert!(stack.start_control_plane().await.is_err());
    stack.kill_control_plane().await;
    stack.add_flags(&flags);
    stack.start_control_plane().await?;
    // The session, the running workspace and the conversation are as they were.
    viewer.reconnect().await?;
    viewer.until("it is linked again", |seen| (seen.workspace["linked"] == true).then_some(())).await?;
    let cursor = viewer.cursor(&conversation, 1);
    viewer.open(&conversation, Some(cursor)).await?;
    let second = viewer.send(&conversation, "go on").await?;
    viewer.result_of(&conversation, &second).await?;
    assert!(viewer.seen.text(&conversation).contains("OK 4: go on"), "{}", viewer.summary());
    stack.finish().await;
    Ok(())
}

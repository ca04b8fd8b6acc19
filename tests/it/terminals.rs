//! Terminals with what really runs in a workspace. `terminals_shared` has what happens among those who watch.

use e2e::viewer::terminals::Screen as Shown;
use e2e::{Seen, Stack};
use protocol::TerminalId;
use protocol::terminal::Size;
use serde_json::json;
use workspace_agent::terminal::screen::Screen;

/// What an emulator makes of what a viewer was shown.
fn emulate(shown: &Shown) -> Screen {
    let mut screen = Screen::new(shown.size.unwrap_or(Size { cols: 80, rows: 24 }));
    screen.feed(&shown.snapshot);
    screen.feed(&shown.bytes);
    screen
}

/// Whether the screen that a viewer is shown has this text on it.
fn on_screen(seen: &Seen, id: TerminalId, text: &str) -> Option<()> {
    emulate(seen.terminals.screen(id)?).text().iter().any(|line| line.contains(text)).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_screen_program_survives_a_reattach_with_its_screen_and_its_modes() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let id = viewer.open_command("seq 1 500 > numbers; exec less -N --mouse numbers").await?;
    viewer.until("less shows its page", |seen| on_screen(seen, id, "22")).await?;
    viewer.type_in(id, b"100g").await?;
    viewer.until("another page", |seen| on_screen(seen, id, "121")).await?;
    // Another device has nothing yet: it gets the screen as it is, modes and all.
    let mut other = viewer.another().await?;
    other.attach_terminal(id).await?;
    other.until("the page there, too", |seen| on_screen(seen, id, "121")).await?;
    let handed_over = emulate(&other.seen.terminals.screens[&id]).snapshot();
    let snapshot = String::from_utf8_lossy(&handed_over).into_owned();
    for mode in ["\u{1b}[?47h", "\u{1b}[?1h", "\u{1b}[?1006h"] {
        assert!(snapshot.contains(mode), "{mode:?} is not there");
    }
    let screens = [&viewer, &other].map(|viewer| emulate(&viewer.seen.terminals.screens[&id]));
    assert_eq!(screens[0].text(), screens[1].text());
    assert_eq!(screens[0].cursor(), screens[1].cursor());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_prints_on_while_the_control_plane_is_killed_and_no_line_is_lost() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    // It begins when the viewer looks: what was printed before would be in its first snapshot.
    let line =
        "stty -echo; echo ready; read go; for n in $(seq 1 60); do echo line-$n.; sleep 0.1; done; echo over";
    let id = viewer.open_command(line).await?;
    viewer.printed(id, "ready").await?;
    viewer.type_in(id, b"\n").await?;
    viewer.printed(id, "line-5.").await?;
    stack.kill_control_plane().await;
    stack.start_control_plane().await?;
    viewer.reconnect().await?;
    // What it knew is of the old control plane.
    viewer.seen.terminals.available = false;
    let listed =
        |seen: &Seen| (seen.terminals.available && seen.terminals.listed(id).is_some()).then_some(());
    viewer.until("the terminal is listed again", listed).await?;
    viewer.attach_terminal(id).await?;
    viewer.printed(id, "over").await?;
    let expected: String = (1..=60).map(|n| format!("line-{n}.\r\n")).collect();
    let shown = String::from_utf8_lossy(&viewer.seen.terminals.screens[&id].bytes).into_owned();
    assert_eq!(shown.trim_start_matches("ready\r\n"), expected + "over\r\n");
    let ended = |seen: &Seen| (seen.terminals.listed(id)?["phase"]["type"] == "exited").then_some(());
    viewer.until("its end", ended).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_a_flood_keeps_nobody_from_typing() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let flood = viewer.open_command("exec yes").await?;
    let mut stopped = viewer.another().await?;
    stopped.acks = false;
    stopped.attach_terminal(flood).await?;
    let shell = viewer.open_terminal(json!({ "type": "shell" })).await?;
    for round in 0..20 {
        viewer.type_in(shell, format!("echo round-$(({round}+1000))\r").as_bytes()).await?;
        viewer.printed(shell, &format!("round-{}", round + 1000)).await?;
    }
    // The flood goes on meanwhile, and an interrupt ends it.
    viewer.type_in(flood, b"\x03").await?;
    let killed = |seen: &Seen| (seen.terminals.listed(flood)?["phase"]["type"] == "killed").then_some(());
    viewer.until("the flood's end", killed).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_terminal_ends_a_fork_bomb_and_the_workspace_lives_on() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let id = viewer.open_command("bomb() { bomb | bomb & }; echo lit; bomb; sleep 1000").await?;
    viewer.printed(id, "lit").await?;
    viewer.wish(id, json!({ "type": "close" })).await?;
    viewer.until("it is gone", |seen| seen.terminals.gone.get(&id.to_string()).map(|_| ())).await?;
    let shell = viewer.open_terminal(json!({ "type": "shell" })).await?;
    viewer.type_in(shell, b"ps -e | wc -l | sed 's/^/left /'\r").await?;
    viewer.printed(shell, "left ").await?;
    let conversation = viewer.conversation().await?;
    let message = viewer.send(&conversation, "still there?").await?;
    viewer.result_of(&conversation, &message).await?;
    stack.finish().await;
    Ok(())
}

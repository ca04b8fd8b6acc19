//! Terminals between the workspace and those who watch: several viewers, sizes, links that break, control planes that are
//! killed, viewers that don't play along. `terminals` has what happens inside the workspace.

use anyhow::Context;
use e2e::terminal_peer::TerminalPeer;
use e2e::viewer::terminals::Screen;
use e2e::{Impostor, Seen, Stack, Viewer};
use protocol::TerminalId;
use protocol::close::CloseCode;
use protocol::frame::{TerminalFrame, encode_terminal};
use protocol::limits::{CREDIT_BYTES, RING_BYTES};
use protocol::terminal::{Size, TerminalAct};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// A workspace whose workspace-agent is a peer with one terminal, and a viewer that shows it.
struct Scene {
    stack: Stack,
    identity: Impostor,
    peer: TerminalPeer,
    viewer: Viewer,
    id: TerminalId,
}

impl Scene {
    async fn begin() -> anyhow::Result<Self> {
        let stack = Stack::start().await?;
        let mut viewer = stack.viewer().await?;
        let workspace = stack.store().await?.workspace_of(viewer.user_id().parse()?).await?;
        let identity = Impostor::enrol(&stack, workspace.context("no workspace")?.id).await?;
        let peer = TerminalPeer::link(stack.link, &identity.tls).await?;
        let id = peer.id;
        shows(&mut viewer, id).await?;
        Ok(Self { stack, identity, peer, viewer, id })
    }

    /// Has the peer do what it is asked for until the viewer has seen something.
    async fn until<T>(&mut self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> anyhow::Result<T> {
        tokio::select! {
            found = self.viewer.until(what, found) => found,
            ended = self.peer.serve() => Err(ended.err().context("the peer ended")?),
        }
    }

    /// Prints and waits until the viewer has seen all of it.
    async fn print(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.peer.print(bytes).await?;
        let (id, end) = (self.id, self.peer.printed.len() as u64);
        self.until("it is shown", |seen| (seen.terminals.screen(id)?.end() == end).then_some(())).await
    }

    fn screen(&self) -> &Screen {
        &self.viewer.seen.terminals.screens[&self.id]
    }

    /// What the viewer shows is what was printed from there on.
    fn is_what_was_printed(&self) {
        let start = usize::try_from(self.screen().start).unwrap();
        assert!(self.screen().bytes == self.peer.printed[start..], "other bytes are shown than were printed");
    }
}

/// Waits until a terminal is listed, and shows it.
async fn shows(viewer: &mut Viewer, id: TerminalId) -> anyhow::Result<()> {
    let listed =
        |seen: &Seen| (seen.terminals.available && seen.terminals.listed(id).is_some()).then_some(());
    viewer.until("the terminal is listed", listed).await?;
    viewer.attach_terminal(id).await
}

/// Something to print, which nothing else looks like.
fn text(from: usize, lines: usize) -> Vec<u8> {
    (from..from + lines).flat_map(|line| format!("line {line}\r\n").into_bytes()).collect()
}

fn size(cols: u16, rows: u16) -> serde_json::Value {
    json!({ "cols": cols, "rows": rows })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_loses_no_byte_and_nothing_is_typed_twice() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let id = scene.id;
    scene.print(b"$ ").await?;
    for round in 0..5 {
        // What is typed now arrives, and nobody hears of it.
        scene.peer.mute = true;
        scene.viewer.type_in(id, format!("typed {round}\n").as_bytes()).await?;
        let typed = scene.peer.typed.len();
        while scene.peer.typed.len() == typed {
            tokio::select! {
                served = scene.peer.serve() => served?,
                () = tokio::task::yield_now() => {}
            }
        }
        scene.peer.print(&text(round * 10_000, 3_000)).await?;
        scene.peer.relink().await?;
        scene.peer.mute = false;
        scene.viewer.type_in(id, b"and more\n").await?;
        scene.print(&text(round * 10_000 + 3_000, 500)).await?;
        let all = scene.peer.typed.len() as u64;
        let taken = |seen: &Seen| (seen.terminals.taken.get(&id) >= Some(&all)).then_some(());
        scene.until("what was typed is taken", taken).await?;
    }
    scene.is_what_was_printed();
    assert_eq!(scene.screen().snapshots, 1, "only the first time");
    let typed: String = (0..5).map(|round| format!("typed {round}\nand more\n")).collect();
    assert_eq!(String::from_utf8_lossy(&scene.peer.typed), typed);
    scene.stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_printed_while_the_link_was_away_for_too_long_is_skipped_to_the_screen() -> anyhow::Result<()>
{
    let mut scene = Scene::begin().await?;
    scene.print(b"before\r\n").await?;
    scene.peer.relink().await?;
    let flood = text(0, 2 * RING_BYTES / 8);
    scene.print(&flood).await?;
    assert_eq!(scene.screen().snapshots, 2);
    scene.print(b"after\r\n").await?;
    scene.is_what_was_printed();
    scene.stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_never_acknowledges_holds_up_nobody_and_gets_a_window() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let id = scene.id;
    let mut stopped = scene.viewer.another().await?;
    stopped.acks = false;
    tokio::select! {
        shown = shows(&mut stopped, id) => shown?,
        ended = scene.peer.serve() => ended?,
    }
    for round in 0..10 {
        scene.print(&text(round * 1_000_000, 200_000)).await?;
    }
    scene.is_what_was_printed();
    assert_eq!(scene.screen().snapshots, 1, "the quick one skipped nothing");
    assert!(scene.peer.printed.len() > 20 * RING_BYTES);
    // Everything that the kernel holds for the other one.
    stopped.ask(json!({ "type": "ping" })).await?;
    let held = &stopped.seen.terminals.screens[&id];
    assert!(held.bytes.len() <= CREDIT_BYTES, "{} bytes were sent to it", held.bytes.len());
    // Once it plays along, it skips to the screen, and goes on from there.
    let (have, end) = (held.end(), scene.peer.printed.len() as u64);
    stopped.acks = true;
    stopped.acknowledge(id, have).await?;
    tokio::select! {
        seen = stopped.until("it is up to date", |seen| {
            (seen.terminals.screen(id)?.have() == Some(end)).then_some(())
        }) => seen?,
        ended = scene.peer.serve() => ended?,
    }
    assert_eq!(stopped.seen.terminals.screens[&id].snapshots, 2);
    scene.stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_follows_one_viewer_and_changes_hands_expressly() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let id = scene.id;
    let mut phone = scene.viewer.another().await?;
    let owner = |seen: &Seen| Some(seen.terminals.listed(id)?["owner"].as_str()?.to_owned());
    let others = |me: String| move |seen: &Seen| (owner(seen)? != me).then_some(());
    let serving = async {
        let desk = scene.viewer.seen.terminals.you.clone();
        let listed = |seen: &Seen| seen.terminals.listed(id).map(|_| ());
        phone.until("the terminal is listed", listed).await?;
        phone.attach_terminal_sized(id, (40, 20)).await?;
        assert_eq!(owner(&phone.seen), Some(desk.clone()));
        // Its size is not the phone's to change.
        let refused = phone.try_wish(id, json!({ "type": "resize", "size": size(40, 20) })).await?;
        assert_eq!(refused["code"], "conflict");
        scene.viewer.wish(id, json!({ "type": "resize", "size": size(100, 30) })).await?;
        phone.wish(id, json!({ "type": "take", "size": size(40, 20) })).await?;
        scene.viewer.until("someone else owns the size", others(desk)).await?;
        let refused = scene.viewer.try_wish(id, json!({ "type": "resize", "size": size(100, 30) })).await?;
        assert_eq!(refused["code"], "conflict");
        let both = |seen: &Seen| (seen.terminals.listed(id)?["viewers"] == 2).then_some(());
        scene.viewer.until("both are counted", both).await?;
        // The phone goes away: nobody owns the size, until someone takes it.
        drop(phone);
        let free = |seen: &Seen| seen.terminals.listed(id)?["owner"].is_null().then_some(());
        scene.viewer.until("nobody owns the size", free).await?;
        scene.viewer.wish(id, json!({ "type": "take", "size": size(90, 25) })).await
    };
    tokio::select! {
        done = serving => done?,
        ended = scene.peer.serve() => ended?,
    }
    let sizes: Vec<(u16, u16)> = scene
        .peer
        .wanted
        .iter()
        .filter_map(|act| {
            let TerminalAct::Resize { size: Size { cols, rows } } = act else { return None };
            Some((*cols, *rows))
        })
        .collect();
    assert_eq!(sizes, [(100, 30), (40, 20), (90, 25)]);
    scene.stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_of_someone_else_are_unknown_like_those_that_never_were() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    scene.print(b"private").await?;
    let (theirs, nobodys) = (scene.id, TerminalId(Uuid::new_v4()));
    let mut stranger = scene.stack.stranger("neighbour").await?;
    let own = scene.stack.store().await?.workspace_of(stranger.user_id().parse()?).await?;
    let identity = Impostor::enrol(&scene.stack, own.context("no workspace")?.id).await?;
    let mut peer = TerminalPeer::link(scene.stack.link, &identity.tls).await?;
    let wanted = scene.peer.wanted.len();
    let trying = async {
        stranger.until("terminals can be opened", |seen| seen.terminals.available.then_some(())).await?;
        for wish in [
            json!({ "type": "attach", "size": size(80, 24) }),
            json!({ "type": "attach", "have": 0, "size": size(80, 24) }),
            json!({ "type": "detach" }),
            json!({ "type": "rename", "name": "mine" }),
            json!({ "type": "resize", "size": size(10, 10) }),
            json!({ "type": "take", "size": size(10, 10) }),
            json!({ "type": "restart", "life": 1 }),
            json!({ "type": "record", "on": true }),
        ] {
            let mut answers = Vec::new();
            for id in [theirs, nobodys] {
                stranger.type_in(id, b"rm -rf /\n").await?;
                stranger.acknowledge(id, 3).await?;
                let mut answer = stranger.try_wish(id, wish.clone()).await?;
                answer.as_object_mut().context("no answer")?.remove("re");
                answers.push(answer);
            }
            assert_eq!(answers[0], answers[1], "{wish}");
            assert!(wish["type"] == "detach" || answers[0]["code"] == "not_found", "{wish}: {}", answers[0]);
        }
        assert!(stranger.seen.terminals.screens.is_empty());
        anyhow::Ok(())
    };
    tokio::select! {
        tried = trying => tried?,
        ended = peer.serve() => ended?,
        ended = scene.peer.serve() => ended?,
    }
    assert_eq!((scene.peer.wanted.len(), scene.peer.typed.len()), (wanted, 0));
    drop(scene.identity);
    scene.stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_break_the_rules_harm_nobody() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let id = scene.id;
    scene.print(b"here").await?;
    for frame in [
        encode_terminal(id, &TerminalFrame::Output { offset: 0, bytes: b"x" }),
        encode_terminal(id, &TerminalFrame::Credit { offset: 1 << 40 }),
        encode_terminal(id, &TerminalFrame::Taken { source: 1, place: 1 }),
        vec![4, 1, 2],
        Vec::new(),
    ] {
        let mut hostile = scene.viewer.another().await?;
        hostile.send_raw(Message::binary(frame)).await?;
        let closed = hostile.until("it is closed", |seen| seen.closed).await?;
        assert_eq!(closed, CloseCode::Protocol.number());
    }
    // What was never sent can't be acknowledged, and gives no credit.
    scene.viewer.acknowledge(id, 1 << 50).await?;
    // More is typed than anyone may have under way, with a gap, and into what isn't there.
    let source = 99;
    for place in (0..4_000_000u64).step_by(4096) {
        let frame = TerminalFrame::Input { source, place, bytes: &[b'x'; 4096] };
        let nowhere = TerminalId(Uuid::from_u128(u128::from(place)));
        scene.viewer.send_raw(Message::binary(encode_terminal(nowhere, &frame))).await?;
    }
    for (place, bytes) in [(0, b"typed".as_slice()), (1 << 40, b"gap")] {
        let frame = TerminalFrame::Input { source, place, bytes };
        scene.viewer.send_raw(Message::binary(encode_terminal(id, &frame))).await?;
    }
    // The workspace-agent answers nothing: of many wishes a few wait, the rest is refused at once.
    let wishes = 1_000_000..1_000_200;
    for re in wishes.clone() {
        let resize = json!({ "re": re, "type": "terminal", "terminal": id,
                             "wish": { "type": "resize", "size": size(0, 65535) } });
        scene.viewer.send_raw(Message::text(resize.to_string())).await?;
    }
    let refused = |seen: &Seen, re: u32| {
        seen.answers.get(&re).and_then(Option::as_ref).is_some_and(|answer| answer["code"] == "too_many")
    };
    // Once so many are refused, all have been looked at.
    let most = |seen: &Seen| wishes.clone().filter(|re| refused(seen, *re)).count() >= 200 - 32;
    scene.viewer.until("it is too much", |seen| most(seen).then_some(())).await?;
    let done = |seen: &Seen, re: u32| {
        seen.answers.get(&re).and_then(Option::as_ref).is_some_and(|answer| answer["type"] == "done")
    };
    let over = |seen: &Seen| wishes.clone().all(|re| refused(seen, re) || done(seen, re)).then_some(());
    scene.until("those that wait are answered", over).await?;
    assert!(wishes.clone().any(|re| done(&scene.viewer.seen, re)));
    // Then it goes on as ever.
    scene.print(&text(0, 1000)).await?;
    scene.is_what_was_printed();
    assert_eq!(scene.peer.typed, b"typed");
    let resized = |act: &&TerminalAct| matches!(act, TerminalAct::Resize { .. });
    let passed = scene.peer.wanted.iter().filter(resized).count();
    assert!((1..=32).contains(&passed), "{passed} were passed on");
    scene.stack.finish().await;
    Ok(())
}

// The real workspace-agent from here on.

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_terminal_starts_the_workspace_and_two_viewers_see_the_same() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let stopped = |seen: &Seen| (seen.workspace["phase"]["type"] == "stopped").then_some(());
    viewer.until("it does not run yet", stopped).await?;
    let id = viewer.open_terminal(json!({ "type": "shell" })).await?;
    let mut other = viewer.another().await?;
    shows(&mut other, id).await?;
    viewer.type_in(id, b"echo $((6 * 7)) from $(stty size)\n").await?;
    viewer.printed(id, "42 from 24 80").await?;
    other.printed(id, "42 from 24 80").await?;
    other.wish(id, json!({ "type": "take", "size": size(50, 20) })).await?;
    other.type_in(id, b"echo now $(stty size)\n").await?;
    other.printed(id, "now 20 50").await?;
    viewer.printed(id, "now 20 50").await?;
    let sized = |seen: &Seen| (seen.terminals.listed(id)?["size"] == size(50, 20)).then_some(());
    viewer.until("the size is told", sized).await?;
    viewer.wish(id, json!({ "type": "close" })).await?;
    other.until("it is gone", |seen| seen.terminals.gone.get(&id.to_string()).map(|_| ())).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_control_plane_loses_no_byte_of_a_terminal_that_prints() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let line = "for i in $(seq 1 400); do echo \"number $i\"; sleep 0.02; done; echo all printed; cat";
    let id = viewer.open_command(line).await?;
    for number in [20, 120] {
        viewer.printed(id, &format!("number {number}\r\n")).await?;
        stack.kill_control_plane().await;
        stack.start_control_plane().await?;
        viewer.reconnect().await?;
        viewer.seen.terminals.available = false;
        shows(&mut viewer, id).await?;
    }
    viewer.printed(id, "all printed").await?;
    viewer.type_in(id, b"typed\n").await?;
    viewer.printed(id, "typed\r\ntyped").await?;
    let numbers: String = (1..=400).map(|number| format!("number {number}\r\n")).collect();
    let shown = viewer.seen.terminals.screens[&id].text();
    assert!(shown.contains(&numbers), "{shown}");
    assert!(viewer.seen.terminals.screens[&id].snapshots <= 1, "nothing was skipped");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_a_flood_does_not_hold_up_the_others() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let flood = viewer.open_command("yes flood").await?;
    let shell = viewer.open_terminal(json!({ "type": "shell" })).await?;
    // It shows both, and reads neither again.
    let mut stopped = viewer.another().await?;
    shows(&mut stopped, flood).await?;
    shows(&mut stopped, shell).await?;
    for round in 0..20 {
        viewer.type_in(shell, format!("echo $(({round} + 1000))\n").as_bytes()).await?;
        viewer.printed(shell, &format!("{}\r\n", round + 1000)).await?;
    }
    let before = viewer.seen.terminals.screens[&flood].end();
    let goes_on = |seen: &Seen| (seen.terminals.screen(flood)?.end() > before + (8 << 20)).then_some(());
    viewer.until("the flood goes on", goes_on).await?;
    // A chat passes it.
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TEXT through the flood").await?;
    viewer.result_of(&conversation, &item).await?;
    // Ctrl-C ends it.
    viewer.type_in(flood, b"\x03").await?;
    let ended = |seen: &Seen| (seen.terminals.listed(flood)?["phase"]["type"] != "running").then_some(());
    viewer.until("the flood has ended", ended).await?;
    drop(stopped);
    stack.finish().await;
    Ok(())
}

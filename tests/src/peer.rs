//! A workspace-agent of an earlier day: it says what stands in a recording, and waits where that one waited.
//!
//! It waits for what the control plane means, not for its bytes: for a welcome, for events being stored, for an item of
//! the outbox. Ids are the recorded ones, since a person, through a viewer, sends what was sent then.

use std::collections::HashSet;

use anyhow::Context;
use futures_util::SinkExt;
use protocol::close::CloseCode;
use protocol::link::FromControl;
use protocol::log::LogEnd;
use protocol::{ConversationId, ItemId};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::impostor::{self, Impostor, Link};
use crate::recording::{Line, Told, from_control};
use crate::viewer::{Seen, Viewer};

/// A workspace-agent that plays a recording, and the person whose workspace it is.
struct Peer<'a> {
    identity: &'a Impostor,
    viewer: &'a mut Viewer,
    conversation: ConversationId,
    link: Option<Link>,
    /// What it has said so far.
    told: Told,
    heard: Heard,
    /// What the person has done.
    done: HashSet<ItemId>,
}

/// What the control plane has said.
#[derive(Debug, Default)]
struct Heard {
    /// On the present link.
    welcome: bool,
    /// The last event that is stored.
    stored: u64,
    items: HashSet<ItemId>,
}

/// What there is to wait for.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    Welcome,
    Stored(u64),
    Item(ItemId),
    Nothing,
}

impl Heard {
    fn has(&self, awaited: Awaited) -> bool {
        match awaited {
            Awaited::Welcome => self.welcome,
            Awaited::Stored(n) => self.stored >= n,
            Awaited::Item(item) => self.items.contains(&item),
            Awaited::Nothing => true,
        }
    }

    fn take(&mut self, conversation: ConversationId, message: &FromControl) {
        match message {
            FromControl::Welcome(welcome) => {
                self.welcome = true;
                self.store(conversation, &welcome.logs);
            }
            FromControl::Stored { conversation: whose, end } => {
                self.store(conversation, &[LogEnd { conversation: *whose, end: *end }]);
            }
            FromControl::Deliver(_)
            | FromControl::Answer { .. }
            | FromControl::Stop { .. }
            | FromControl::Continue { .. }
            | FromControl::Configure { .. }
            | FromControl::Forget { .. }
            | FromControl::Terminal(_)
            | FromControl::Drain { .. } => {
                if let Awaited::Item(item) = awaited(message) {
                    self.items.insert(item);
                }
            }
        }
    }

    fn store(&mut self, conversation: ConversationId, ends: &[LogEnd]) {
        let own = ends.iter().filter(|log| log.conversation == conversation);
        self.stored = own.map(|log| log.end.n).fold(self.stored, u64::max);
    }
}

/// Plays a recording to its end, in a conversation that is made for it. Returns what was told of it.
///
/// # Errors
/// When the control plane closes the link, or does not say in time what it said then.
pub async fn play(identity: &Impostor, viewer: &mut Viewer, recording: &[Line]) -> anyhow::Result<Told> {
    let conversation = Told::of(recording)?.conversation.context("the recording has no events")?;
    viewer.post("/api/conversations", &json!({ "id": conversation })).await?;
    viewer.open(&conversation.to_string(), None).await?;
    let (link, told, heard, done) = (None, Told::default(), Heard::default(), HashSet::new());
    let mut peer = Peer { identity, viewer, conversation, link, told, heard, done };
    for (number, line) in recording.iter().enumerate() {
        peer.play(line).await.with_context(|| format!("line {}: {line:?}", number + 1))?;
    }
    peer.is_still_linked().await?;
    peer.everything_was_seen().await?;
    Ok(peer.told)
}

impl Peer<'_> {
    async fn play(&mut self, line: &Line) -> anyhow::Result<()> {
        match line {
            Line::Dialled(versions) => {
                self.heard.welcome = false;
                self.link = Some(self.identity.dial(versions).await?);
            }
            Line::Agent(said) => {
                let message = said.message()?;
                self.told.take(&message)?;
                self.link()?.send(message).await?;
            }
            Line::Control(_) => {
                if let Some(message) = from_control(line) {
                    self.act(&message).await?;
                    self.wait(awaited(&message)).await?;
                }
            }
            Line::Read(text) => {
                let read = |seen: &Seen| seen.live_text().contains(text.as_str()).then_some(());
                self.viewer.until("live text is shown", read).await?;
            }
            Line::Broke => self.link = None,
            Line::Items(items) => {
                let state = |seen: &Seen, item: &ItemId| {
                    seen.items.get(&item.to_string()).map(|item| item["state"].clone())
                };
                let all = |seen: &Seen| {
                    let same = items.iter().all(|(item, then)| state(seen, item).as_ref() == Some(then));
                    same.then_some(())
                };
                self.viewer.until("everything sent came to the same end", all).await?;
            }
        }
        Ok(())
    }

    fn link(&mut self) -> anyhow::Result<&mut Link> {
        self.link.as_mut().context("there is no link at this place of the recording")
    }

    /// Has the person do what the control plane passed on then, unless they did already. They have seen all that had
    /// happened.
    async fn act(&mut self, message: &FromControl) -> anyhow::Result<()> {
        let Some(request) = request(message) else { return Ok(()) };
        if let Awaited::Item(item) = awaited(message)
            && self.done.insert(item)
        {
            self.everything_was_seen().await?;
            self.viewer.ask(request).await?;
        }
        Ok(())
    }

    /// Waits until the control plane has said something.
    async fn wait(&mut self, awaited: Awaited) -> anyhow::Result<()> {
        while !self.heard.has(awaited) {
            let message = impostor::read(self.link()?).await.with_context(|| format!("{awaited:?}"))?;
            self.hear(&message)?;
        }
        Ok(())
    }

    fn hear(&mut self, message: &Message) -> anyhow::Result<()> {
        match message {
            Message::Text(text) => self.heard.take(self.conversation, &serde_json::from_str(text)?),
            Message::Close(frame) => {
                let code = frame.as_ref().and_then(|frame| CloseCode::from_number(frame.code.into()));
                anyhow::bail!("the control plane closed the link: {code:?}, {frame:?}");
            }
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    /// The control plane has taken everything that was said, and the link is up.
    async fn is_still_linked(&mut self) -> anyhow::Result<()> {
        self.link()?.send(Message::Ping("all said".into())).await?;
        loop {
            let message = impostor::read(self.link()?).await.context("after everything was said")?;
            if message.is_pong() {
                break;
            }
            self.hear(&message)?;
        }
        let runs = |seen: &Seen| {
            let workspace = &seen.workspace;
            (workspace["phase"]["type"] == "running" && workspace["linked"] == true).then_some(())
        };
        self.viewer.until("the workspace is called linked", runs).await
    }

    /// The viewer is shown every event that was told, and no other.
    async fn everything_was_seen(&mut self) -> anyhow::Result<()> {
        let conversation = self.conversation.to_string();
        let told: Result<Vec<Value>, _> =
            self.told.events.iter().map(|event| serde_json::from_str(event)).collect();
        let told = told?;
        let seen = |seen: &Seen| (seen.log(&conversation).len() >= told.len()).then_some(());
        self.viewer.until("every event is shown", seen).await?;
        anyhow::ensure!(self.viewer.seen.log(&conversation) == told, "{}", self.viewer.summary());
        Ok(())
    }
}

/// What a message of the control plane comes to for one who waits for it.
fn awaited(message: &FromControl) -> Awaited {
    match message {
        FromControl::Welcome(_) => Awaited::Welcome,
        FromControl::Stored { end, .. } => Awaited::Stored(end.n),
        FromControl::Deliver(delivery) => Awaited::Item(delivery.item),
        FromControl::Answer { item, .. }
        | FromControl::Stop { item, .. }
        | FromControl::Continue { item, .. } => Awaited::Item(*item),
        FromControl::Configure { .. }
        | FromControl::Forget { .. }
        | FromControl::Terminal(_)
        | FromControl::Drain { .. } => Awaited::Nothing,
    }
}

/// What a person did for the control plane to say this.
fn request(message: &FromControl) -> Option<Value> {
    match message {
        FromControl::Deliver(delivery) => Some(json!({
            "type": "send", "conversation": delivery.conversation, "item": delivery.item,
            "text": delivery.text, "steer": delivery.steer, "again_of": delivery.again_of,
        })),
        FromControl::Answer { conversation, item, prompt, decision, .. } => Some(json!({
            "type": "answer", "conversation": conversation, "item": item, "prompt": prompt, "decision": decision,
        })),
        FromControl::Stop { conversation, item, .. } => {
            Some(json!({ "type": "stop", "conversation": conversation, "item": item }))
        }
        FromControl::Continue { conversation, item, message, .. } => Some(json!({
            "type": "continue", "conversation": conversation, "item": item, "message": message,
        })),
        FromControl::Welcome(_)
        | FromControl::Stored { .. }
        | FromControl::Configure { .. }
        | FromControl::Forget { .. }
        | FromControl::Terminal(_)
        | FromControl::Drain { .. } => None,
    }
}

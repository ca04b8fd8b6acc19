//! The person at a browser: what they do up to a moment, and until everything has come to its end.

use e2e::{Seen, Viewer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Moment, gate};

/// Where each tool that runs leaves a line with its round.
pub(super) const RAN: &str = "/workspace/ran";

/// A person at a browser, who remembers what they did.
pub(super) struct Person {
    pub(super) viewer: Viewer,
    pub(super) conversation: String,
    /// Messages, in the order in which they were sent.
    pub(super) sent: Vec<Sent>,
    /// Messages that have a tool run, by round.
    pub(super) tools: Vec<(u32, String)>,
    /// Stops.
    pub(super) stops: Vec<String>,
    /// The answer that each prompt was given, by prompt.
    pub(super) answers: Vec<(String, String)>,
    /// Messages that they had continued, and where the log had called each one unknown.
    pub(super) dealt: Vec<(String, u64)>,
}

/// A message that a person sent.
pub(super) struct Sent {
    pub(super) item: String,
    /// What it says, the last edit that was confirmed included.
    pub(super) text: String,
    pub(super) steer: bool,
    /// Taking it back was confirmed.
    pub(super) taken_back: bool,
}
impl Person {
    /// Somebody with a conversation in which nothing was said yet.
    pub(super) async fn new(mut viewer: Viewer) -> anyhow::Result<Self> {
        let conversation = viewer.conversation().await?;
        let (sent, tools, stops) = (vec![], vec![], vec![]);
        Ok(Self { viewer, conversation, sent, tools, stops, answers: vec![], dealt: vec![] })
    }

    /// Sends a message without waiting for a word about it.
    pub(super) async fn send(&mut self, text: &str) -> anyhow::Result<String> {
        self.send_as(text, false).await
    }

    async fn send_as(&mut self, text: &str, steer: bool) -> anyhow::Result<String> {
        let item = Uuid::new_v4().to_string();
        let sent = Sent { item: item.clone(), text: text.to_owned(), steer, taken_back: false };
        let request = sent.request(&self.conversation);
        self.sent.push(sent);
        self.say(request).await?;
        Ok(item)
    }

    async fn until_saved(&mut self, item: &str) -> anyhow::Result<()> {
        let saved = |seen: &Seen| (!seen.item_state(item).is_empty()).then_some(());
        self.viewer.until("it is saved", saved).await
    }

    async fn say(&mut self, mut request: Value) -> anyhow::Result<()> {
        request["re"] = json!(0);
        self.viewer.send_raw(tokio_tungstenite::tungstenite::Message::text(request.to_string())).await
    }

    /// Begins a turn and follows it to the moment.
    pub(super) async fn reach(&mut self, moment: Moment, round: u32) -> anyhow::Result<()> {
        let asks = format!("TOOL:Bash {}", json!({ "command": format!("echo {round} >>{RAN}") }));
        let speaks = format!("GATE {}", gate(round));
        let works = format!("{speaks} ||| {asks}");
        let text = match moment {
            Moment::Asking | Moment::Answering => &asks,
            Moment::Idle => return Ok(()),
            Moment::Steering => &works,
            Moment::Sending | Moment::Delivered | Moment::Speaking | Moment::Queueing | Moment::Stopping => {
                &speaks
            }
        };
        let item = self.send(text).await?;
        if *text != speaks {
            self.tools.push((round, item.clone()));
        }
        match moment {
            Moment::Sending | Moment::Idle => {}
            Moment::Delivered => {
                let at = |seen: &Seen| matches!(seen.item_state(&item), "delivered" | "started" | "done");
                self.viewer.until("it is delivered", |seen| at(seen).then_some(())).await?;
            }
            Moment::Speaking => self.until_it_speaks(round).await?,
            Moment::Queueing => {
                self.until_it_speaks(round).await?;
                self.queue(round).await?;
            }
            Moment::Steering => {
                self.until_it_speaks(round).await?;
                self.send_as(&format!("TEXT steered {round}"), true).await?;
            }
            Moment::Stopping => {
                self.until_it_speaks(round).await?;
                let stop = Uuid::new_v4().to_string();
                self.stops.push(stop.clone());
                let conversation = self.conversation.clone();
                self.say(
                    json!({ "type": "stop", "conversation": conversation, "item": stop, "message": item }),
                )
                .await?;
            }
            Moment::Asking => drop(self.open_prompt().await?),
            Moment::Answering => {
                let prompt = self.open_prompt().await?;
                self.answer(&prompt).await?;
            }
        }
        Ok(())
    }

    async fn until_it_speaks(&mut self, round: u32) -> anyhow::Result<()> {
        let word = gate(round);
        let speaks = |seen: &Seen| seen.live_text().contains(&word);
        self.viewer.until("it speaks", |seen| speaks(seen).then_some(())).await
    }

    /// Has three messages wait behind the running turn: one is edited, one taken back, which both are confirmed, and the
    /// last is being put first.
    async fn queue(&mut self, round: u32) -> anyhow::Result<()> {
        let edited = self.send(&format!("TEXT written {round}")).await?;
        let taken_back = self.send(&format!("TEXT taken back {round}")).await?;
        let last = self.send(&format!("TEXT last {round}")).await?;
        self.until_saved(&last).await?;
        let conversation = self.conversation.clone();
        let text = format!("TEXT edited {round}");
        self.viewer
            .ask(json!({ "type": "edit", "conversation": conversation, "item": edited, "version": 1, "text": text }))
            .await?;
        self.viewer
            .ask(json!({ "type": "cancel", "conversation": conversation, "item": taken_back }))
            .await?;
        for sent in &mut self.sent {
            if sent.item == edited {
                sent.text.clone_from(&text);
            }
            sent.taken_back |= sent.item == taken_back;
        }
        self.say(json!({ "type": "reorder", "conversation": conversation, "item": last, "before": edited }))
            .await
    }

    async fn open_prompt(&mut self) -> anyhow::Result<String> {
        let conversation = self.conversation.clone();
        self.viewer.until("it asks", |seen| open_prompts(seen.log(&conversation)).pop()).await
    }

    /// Answers a prompt, always with the same answer, which is told once more if it was told before: without waiting for
    /// a word about it.
    async fn answer(&mut self, prompt: &str) -> anyhow::Result<()> {
        let request = self.answer_to(prompt);
        self.say(request).await
    }

    /// Answers a prompt and waits until that is kept. As a page does: what is not possible for the moment is asked again.
    async fn answer_for_sure(&mut self, prompt: &str) -> anyhow::Result<()> {
        let request = self.answer_to(prompt);
        e2e::until("the answer is kept, or refused for good", async || {
            let said = self.viewer.try_ask(request.clone()).await;
            said.is_ok_and(|said| said["code"] != "unavailable")
        })
        .await
    }

    fn answer_to(&mut self, prompt: &str) -> Value {
        let known = self.answers.iter().find(|(of, _)| of == prompt).map(|(_, item)| item.clone());
        let item = known.unwrap_or_else(|| {
            let fresh = Uuid::new_v4().to_string();
            self.answers.push((prompt.to_owned(), fresh.clone()));
            fresh
        });
        json!({ "type": "answer", "conversation": self.conversation, "item": item, "prompt": prompt,
                "decision": { "type": "allow" } })
    }

    pub(super) async fn reconnect(&mut self) -> anyhow::Result<()> {
        self.viewer.reconnect().await?;
        let end = self.viewer.seen.opened.last().and_then(|opened| opened["end"]["epoch"].as_u64());
        let conversation = self.conversation.clone();
        let cursor = self.viewer.cursor(&conversation, end.unwrap_or(1));
        self.viewer.open(&conversation, Some(cursor)).await?;
        // As a page does: what nobody has confirmed is said again.
        let unheard = self.sent.iter().filter(|sent| self.viewer.seen.item_state(&sent.item).is_empty());
        let unheard: Vec<Value> = unheard.map(|sent| sent.request(&conversation)).collect();
        for request in unheard {
            self.say(request).await?;
        }
        let open = open_prompts(self.viewer.seen.log(&conversation));
        let unheard = |prompt: &&String| {
            let given = self.answers.iter().find(|(of, _)| of == *prompt);
            given.is_some_and(|(_, item)| self.viewer.seen.item_state(item).is_empty())
        };
        if let Some(prompt) = open.iter().find(unheard) {
            self.answer_for_sure(prompt).await?;
        }
        Ok(())
    }

    /// Does what a person would until every message has come to its end: starts the workspace, answers, decides.
    pub(super) async fn see_to_the_end(&mut self) -> anyhow::Result<()> {
        loop {
            let Self { viewer, conversation, sent, answers, dealt, .. } = self;
            let next = |seen: &Seen| next(seen, conversation, sent, answers, dealt);
            match viewer.until("something is to be done, or all is", next).await? {
                Next::Done => return Ok(()),
                Next::Start => self.start_workspace().await?,
                Next::Answer(prompt) => self.answer_for_sure(&prompt).await?,
                Next::Continue(message, lost_at) => self.go_on_with(message, lost_at).await?,
                Next::Connect => self.reconnect().await?,
            }
        }
    }

    /// Presses Continue, once each time that a message's fate became unknown, and waits until Claude goes on or can't.
    async fn go_on_with(&mut self, message: String, lost_at: u64) -> anyhow::Result<()> {
        let (conversation, item) = (self.conversation.clone(), Uuid::new_v4().to_string());
        let request =
            json!({ "type": "continue", "conversation": conversation, "item": item, "message": message });
        self.viewer.try_ask(request).await?;
        self.dealt.push((message, lost_at));
        let settled = |seen: &Seen| {
            let goes_on =
                seen.of_kind(&conversation, "message_continued").any(|event| event["item"] == *item);
            (goes_on || seen.item_state(&item) == "refused").then_some(())
        };
        self.viewer.until("it goes on, or can't", settled).await
    }

    async fn start_workspace(&mut self) -> anyhow::Result<()> {
        self.viewer.try_ask(json!({ "type": "start_workspace" })).await?;
        self.viewer.until("it starts", |seen| (!is_down(seen)).then_some(())).await
    }
}

impl Sent {
    fn request(&self, conversation: &str) -> Value {
        json!({ "type": "send", "conversation": conversation, "item": self.item, "text": self.text, "steer": self.steer })
    }
}

/// What a person has to do next.
enum Next {
    Done,
    Start,
    Connect,
    Answer(String),
    Continue(String, u64),
}

fn next(
    seen: &Seen,
    conversation: &str,
    sent: &[Sent],
    answers: &[(String, String)],
    dealt: &[(String, u64)],
) -> Option<Next> {
    if seen.closed.is_some() {
        return Some(Next::Connect);
    }
    if is_down(seen) {
        return Some(Next::Start);
    }
    let log = seen.log(conversation);
    // What nobody has heard of is told again: it may have died with a control plane.
    let heard =
        |(of, item): &(String, String), prompt: &str| of == prompt && !seen.item_state(item).is_empty();
    let unanswered = |prompt: &String| !answers.iter().any(|answer| heard(answer, prompt));
    if let Some(prompt) = open_prompts(log).into_iter().find(unanswered) {
        return Some(Next::Answer(prompt));
    }
    let summary = seen.list.get(conversation).map(|view| &view["summary"]);
    let unknown =
        summary.and_then(|summary| Some((summary["unknown"].as_str()?, summary["unknown_at"].as_u64()?)));
    let is_new =
        |(message, at): &(&str, u64)| !dealt.iter().any(|(known, then)| known == message && then == at);
    // What was sent before that waits until somebody has dealt with it.
    if let Some((message, lost_at)) = unknown.filter(is_new) {
        return Some(Next::Continue(message.to_owned(), lost_at));
    }
    // The list may be a moment behind the log.
    // A turn that is continued is told a moment before that it is worked on.
    let tells = |event: &&Value| event["kind"] == "state" || event["kind"] == "message_continued";
    let state = log.iter().rev().find(tells);
    let waiting = seen.list.get(conversation).is_none_or(|view| view["waiting"] != 0);
    let idle = state.is_some_and(|state| state["state"] == "idle") && !waiting;
    let ended = |sent: &Sent| match seen.item_state(&sent.item) {
        "done" | "refused" | "cancelled" => true,
        // What came of it since is in the log.
        "unknown" => dealt.iter().any(|(message, _)| *message == sent.item),
        _ => false,
    };
    (idle && sent.iter().all(ended)).then_some(Next::Done)
}

pub(super) fn is_down(seen: &Seen) -> bool {
    matches!(seen.workspace["phase"]["type"].as_str(), Some("failed" | "stopped"))
}

/// Prompts that are open, the oldest first.
fn open_prompts(log: &[Value]) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for event in log {
        let prompt = event["prompt"].as_str().unwrap_or_default();
        match event["kind"].as_str() {
            Some("prompt_asked") => open.push(prompt.to_owned()),
            Some("prompt_answered" | "prompt_withdrawn") => open.retain(|one| one != prompt),
            Some("process_ended" | "epoch_began") => open.clear(),
            _ => {}
        }
    }
    open
}

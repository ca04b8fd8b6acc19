//! Random kills at random moments of scripted turns, on the real parts: whatever dies, what was promised is kept.
//!
//! The first four rounds are always the same, the rest is diced. `ATELIER_KILLS` says how many rounds (10 unless it does),
//! `ATELIER_SEED` which (the same ones unless it does; `make soak` takes others every time); `ATELIER_KILL_ENGINE` (a command
//! that ends the engine and starts it again) adds the engine to what may die: it takes every container of the machine along.

use std::collections::HashSet;

use anyhow::Context;
use e2e::{Seen, Stack, Viewer};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

const ROUNDS: u32 = 10;
const SEED: u64 = 3;

/// What dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kill {
    ControlPlane,
    Cli,
    Container,
    Connection,
    /// Somebody else holds the store's lock: it can't be written for a while.
    Store,
    Engine,
}

/// When.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    /// The message is sent; nobody has said that it was taken.
    Sending,
    Delivered,
    /// Claude is in mid-sentence.
    Speaking,
    /// A prompt is open.
    Asking,
    /// An answer is on its way to Claude.
    Answering,
    /// Messages wait, were edited, put in another order and taken back.
    Queueing,
    /// A message is on its way to the running turn.
    Steering,
    /// A stop is on its way.
    Stopping,
    /// Nothing is going on.
    Idle,
}

/// A person at a browser, who remembers what they did.
struct Person {
    viewer: Viewer,
    conversation: String,
    /// Messages, in the order in which they were sent.
    sent: Vec<Sent>,
    /// Stops.
    stops: Vec<String>,
    /// The answer that each prompt was given, by prompt.
    answers: Vec<(String, String)>,
    /// Messages that they had continued, and where the log had called each one unknown.
    dealt: Vec<(String, u64)>,
}

/// A message that a person sent.
struct Sent {
    item: String,
    /// What it says, the last edit that was confirmed included.
    text: String,
    steer: bool,
    /// Taking it back was confirmed.
    taken_back: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_nothing_and_repeat_nothing() -> anyhow::Result<()> {
    let from_env = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let rounds = from_env("ATELIER_KILLS").and_then(|rounds| u32::try_from(rounds).ok()).unwrap_or(ROUNDS);
    let seed = from_env("ATELIER_SEED").unwrap_or(SEED);
    println!("{rounds} kills, seed {seed}");
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut killed = 0;
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let mut person =
        Person { viewer, conversation, sent: vec![], stops: vec![], answers: vec![], dealt: vec![] };
    person.send("TEXT a first message").await?;
    person.see_to_the_end().await?;
    for round in 0..rounds {
        let (kill, moment) = forced(round).unwrap_or_else(|| pick(&mut dice));
        println!("round {round}: {kill:?} dies, {moment:?}");
        person.reach(moment, round).await.with_context(|| format!("seed {seed}, round {round}"))?;
        let died = carry_out(kill, &mut stack, &mut person).await?;
        killed += u32::from(died);
        // With a prompt open there is a CLI to kill, and a round of that kind without one would prove nothing.
        let must = moment == Moment::Asking;
        anyhow::ensure!(died || !must, "seed {seed}, round {round}: nothing was there to kill");
        if !died {
            println!("round {round}: there was nothing to kill; the round does not count");
        }
        stack.model.release(&gate(round));
        person.see_to_the_end().await.with_context(|| {
            format!("seed {seed}, round {round}: {kill:?}, {moment:?}\n{}", stack.log_text())
        })?;
        person.check().await.with_context(|| format!("seed {seed}, round {round}: {kill:?}, {moment:?}"))?;
    }
    println!("{killed} of {rounds} rounds killed something");
    stack.finish().await;
    Ok(())
}

/// The first rounds are those that a dice might leave out: CLI and container, with a prompt open and with an answer on its
/// way.
fn forced(round: u32) -> Option<(Kill, Moment)> {
    match round {
        0 => Some((Kill::Cli, Moment::Asking)),
        1 => Some((Kill::Container, Moment::Asking)),
        2 => Some((Kill::Cli, Moment::Answering)),
        3 => Some((Kill::Container, Moment::Answering)),
        _ => None,
    }
}

fn pick(dice: &mut SmallRng) -> (Kill, Moment) {
    let mut kills = vec![Kill::ControlPlane, Kill::Cli, Kill::Container, Kill::Connection, Kill::Store];
    if std::env::var_os("ATELIER_KILL_ENGINE").is_some() && dice.random_ratio(1, 8) {
        kills = vec![Kill::Engine];
    }
    let moments = [
        Moment::Sending,
        Moment::Delivered,
        Moment::Speaking,
        Moment::Asking,
        Moment::Answering,
        Moment::Queueing,
        Moment::Steering,
        Moment::Stopping,
        Moment::Idle,
    ];
    let pair = kills.choose(dice).zip(moments.choose(dice)).map(|(kill, moment)| (*kill, *moment));
    pair.unwrap_or((Kill::Cli, Moment::Idle))
}

fn gate(round: u32) -> String {
    format!("kill-{round}")
}

/// Whether something died.
async fn carry_out(kill: Kill, stack: &mut Stack, person: &mut Person) -> anyhow::Result<bool> {
    match kill {
        Kill::ControlPlane => {
            stack.kill_control_plane().await;
            stack.start_control_plane().await?;
            person.reconnect().await?;
        }
        Kill::Cli => {
            // After the engine's death, say, there may be no container, and nobody has noticed yet.
            let Ok(container) = stack.container().await else { return Ok(false) };
            // It may have none, or none any more, which pkill says by failing.
            let killed = stack.engine.run(&["exec", &container, "sh", "-c", "pkill -9 -x claude"]).await;
            return Ok(killed.is_ok());
        }
        Kill::Container => {
            let Ok(container) = stack.container().await else { return Ok(false) };
            stack.engine.run(&["kill", &container]).await.map(drop)?;
        }
        Kill::Connection => {
            let Ok(container) = stack.container().await else { return Ok(false) };
            cut_connections(stack, &container).await?;
        }
        Kill::Store => lock_store(stack, person).await?,
        Kill::Engine => {
            let command = std::env::var("ATELIER_KILL_ENGINE")?;
            let done = Command::new("sh").args(["-c", &command]).status().await?;
            anyhow::ensure!(done.success(), "{command}: {done}");
            // Every container died with it; what is sent before that is known is not sent to a workspace that is down.
            person
                .viewer
                .until("the workspace is known to be gone", |seen| is_down(seen).then_some(()))
                .await?;
        }
    }
    Ok(true)
}

/// Has the kernel reset every packet to the link port until the link is known to be down.
async fn cut_connections(stack: &Stack, container: &str) -> anyhow::Result<()> {
    let (table, port) = (format!("cut_{}", stack.instance()), stack.link.port());
    let rule = format!(
        "add table inet {table}; add chain inet {table} in {{ type filter hook input priority -310; }}; \
                        add rule inet {table} in tcp dport {port} reject with tcp reset"
    );
    nft(&rule).await?;
    // The workspace-agent says something at least that often.
    let gone = e2e::until("the workspace-agent has no link", async || {
        let connections = ["exec", container, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"];
        let open = stack.engine.run(&connections).await.unwrap_or_default();
        let remote = format!(":{port:04X} 01 ");
        !open.lines().any(|line| line.contains(&remote))
    })
    .await;
    nft(&format!("delete table inet {table}")).await?;
    gone
}

async fn nft(rules: &str) -> anyhow::Result<()> {
    let done = Command::new("nft").arg(rules).status().await?;
    anyhow::ensure!(done.success(), "nft: {done}");
    Ok(())
}

/// Holds the store's write lock until the control plane has given up waiting for it once.
async fn lock_store(stack: &Stack, person: &Person) -> anyhow::Result<()> {
    let path = stack.data.path().join("atelier.db");
    anyhow::ensure!(path.exists(), "there is no store at {}", path.display());
    let lock = rusqlite::Connection::open(path)?;
    lock.execute_batch("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")?;
    let known = e2e::until("the store is known to be locked", async || {
        let health = person.viewer.request(reqwest::Method::GET, "/health").send().await;
        health.is_ok_and(|health| !health.status().is_success())
    })
    .await;
    lock.execute_batch("ROLLBACK")?;
    known
}

impl Person {
    /// Sends a message without waiting for a word about it.
    async fn send(&mut self, text: &str) -> anyhow::Result<String> {
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
    async fn reach(&mut self, moment: Moment, round: u32) -> anyhow::Result<()> {
        let asks = format!("TOOL:Bash {}", json!({ "command": format!("touch /workspace/made-{round}") }));
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

    async fn reconnect(&mut self) -> anyhow::Result<()> {
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
    async fn see_to_the_end(&mut self) -> anyhow::Result<()> {
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

    /// What was promised, held against the whole log and what this browser saw of it.
    async fn check(&mut self) -> anyhow::Result<()> {
        let log = self.whole_log().await?;
        let numbers = log.iter().filter_map(|event| event["n"].as_u64());
        anyhow::ensure!(numbers.eq(1..=log.len() as u64), "the log has holes or repeats");
        let (end, conversation) = (log.last().cloned().unwrap_or_default(), self.conversation.clone());
        let has_end = |seen: &Seen| {
            seen.log(&conversation).last().is_some_and(|last| last["n"].as_u64() >= end["n"].as_u64())
        };
        self.viewer.until("this browser has all of it", |seen| has_end(seen).then_some(())).await?;
        let seen = self.viewer.seen.log(&self.conversation);
        let from = seen.first().and_then(|event| event["n"].as_u64()).unwrap_or(1);
        let from = usize::try_from(from)?.saturating_sub(1);
        for (stored, seen) in log.iter().skip(from).zip(seen) {
            anyhow::ensure!(stored == seen, "stored is {stored}, this browser saw {seen}");
        }
        for sent in &self.sent {
            self.check_message(&log, sent)?;
        }
        for stopped in log.iter().filter(|event| event["kind"] == "stop_asked") {
            let of_it = |event: &&Value| event["kind"] == "stop_asked" && event["item"] == stopped["item"];
            let asked = self.stops.iter().any(|stop| stopped["item"] == **stop);
            anyhow::ensure!(asked, "nobody asked for {stopped}");
            anyhow::ensure!(log.iter().filter(of_it).count() == 1, "taken twice: {stopped}");
        }
        for asked in log.iter().filter(|event| event["kind"] == "prompt_asked") {
            let prompt = &asked["prompt"];
            let mut answered =
                log.iter().filter(|event| event["kind"] == "prompt_answered" && event["prompt"] == *prompt);
            if let Some(answer) = answered.next() {
                let ours = |(of, item): &(String, String)| *prompt == **of && answer["item"] == **item;
                anyhow::ensure!(self.answers.iter().any(ours), "{prompt} was answered by nobody: {answer}");
            }
            anyhow::ensure!(answered.next().is_none(), "{prompt} was answered twice");
        }
        Ok(())
    }

    fn check_message(&self, log: &[Value], sent: &Sent) -> anyhow::Result<()> {
        let Sent { item, text, .. } = sent;
        let of_kind = |kind: &'static str| {
            log.iter().filter(move |event| event["kind"] == kind && event["item"] == *sent.item)
        };
        let of = |kind| of_kind(kind).count();
        let continued =
            log.iter().filter(|event| event["kind"] == "message_continued" && event["message"] == *sent.item);
        let continued = continued.count();
        let (steered, alone): (Vec<&Value>, Vec<&Value>) =
            of_kind("message_taken").partition(|taken| taken["steer"] == true);
        let taken = steered.len() + alone.len();
        if sent.taken_back {
            anyhow::ensure!(taken == 0, "taken back and given to Claude all the same: {text}");
            return Ok(());
        }
        // One that came too late to steer is taken again as one of its own.
        anyhow::ensure!(
            taken > 0 && alone.len() <= 1 && steered.len() <= usize::from(sent.steer),
            "taken {taken} times: {text}"
        );
        for event in steered.iter().chain(&alone) {
            anyhow::ensure!(event["content"]["text"] == **text, "meant was {text}, taken is {event}");
        }
        anyhow::ensure!(
            of("message_started") <= taken + continued + of("message_resent"),
            "started {} times: {text}",
            of("message_started")
        );
        anyhow::ensure!(is_resent_without_tools(log, item), "given again after a tool was called: {text}");
        let ends = results(log, item) + of("message_ended");
        let state = self.viewer.seen.item_state(item);
        let in_a_turn = !steered.is_empty() && of("message_started") > 0;
        anyhow::ensure!(state != "done" || ends > 0 || in_a_turn, "called done without an end: {text}");
        anyhow::ensure!(ends <= 1, "{ends} ends: {text}");
        Ok(())
    }

    async fn whole_log(&self) -> anyhow::Result<Vec<Value>> {
        let (mut log, mut before) = (Vec::new(), None);
        loop {
            let query = before.map(|before: u64| format!("?before={before}")).unwrap_or_default();
            let page =
                self.viewer.get(&format!("/api/conversations/{}/events{query}", self.conversation)).await?;
            let mut events = page["events"].as_array().cloned().unwrap_or_default();
            events.append(&mut log);
            log = events;
            before = page["before"].as_u64();
            if before.is_none() {
                return Ok(log);
            }
        }
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

fn is_down(seen: &Seen) -> bool {
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

/// Whether a message was given again only while no tool had been called for it.
fn is_resent_without_tools(log: &[Value], item: &str) -> bool {
    let (mut at_work, mut called) = (false, false);
    // What is said in a running turn begins none.
    let mut steers = HashSet::new();
    log.iter().all(|event| {
        let of = event["item"].as_str().unwrap_or_default();
        match event["kind"].as_str() {
            Some("message_taken") if event["steer"] == true => drop(steers.insert(of)),
            Some("message_taken") => drop(steers.remove(of)),
            Some("message_started") if steers.contains(of) => {}
            Some("message_started") => (at_work, called) = (event["item"] == item, false),
            Some("tool_call") => called |= at_work,
            Some("message_resent") if event["item"] == item => return !called,
            Some("result" | "message_unknown") => (at_work, called) = (false, false),
            _ => {}
        }
        true
    })
}

/// How many results a message has.
fn results(log: &[Value], item: &str) -> usize {
    let of = |event: &&Value| {
        event["kind"] == "result"
            && event["items"].as_array().is_some_and(|items| items.iter().any(|one| one == item))
    };
    log.iter().filter(of).count()
}

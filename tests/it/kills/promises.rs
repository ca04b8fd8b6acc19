//! What was promised, held against the whole log and what the person's browser saw of it.

use std::collections::HashSet;

use e2e::Seen;
use serde_json::Value;

use super::person::{Person, Sent};

impl Person {
    /// What was promised, held against the whole log, what this browser saw of it, and the rounds whose tools `ran`.
    pub(super) async fn check(&mut self, ran: &[u32]) -> anyhow::Result<()> {
        let log = self.whole_log().await?;
        for (round, item) in &self.tools {
            let times = ran.iter().filter(|one| *one == round).count();
            let continued =
                of_kind(&log, "message_continued").filter(|event| event["message"] == **item).count();
            anyhow::ensure!(times <= 1 + continued, "the tool of round {round} ran {times} times");
        }
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
        let continued = self::of_kind(log, "message_continued");
        let continued = continued.filter(|event| event["message"] == *sent.item).count();
        let (steered, alone): (Vec<&Value>, Vec<&Value>) =
            of_kind("message_taken").partition(|taken| taken["steer"] == true);
        let taken = steered.len() + alone.len();
        if sent.taken_back {
            anyhow::ensure!(taken == 0, "taken back and given to Claude all the same: {text}");
            let state = self.viewer.seen.item_state(item);
            anyhow::ensure!(state == "cancelled", "taken back and {state}: {text}");
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

fn of_kind<'a>(log: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    log.iter().filter(move |event| event["kind"] == kind)
}

/// How many results a message has.
fn results(log: &[Value], item: &str) -> usize {
    let of = |event: &&Value| {
        event["kind"] == "result"
            && event["items"].as_array().is_some_and(|items| items.iter().any(|one| one == item))
    };
    log.iter().filter(of).count()
}

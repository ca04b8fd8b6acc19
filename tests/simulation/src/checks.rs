//! What must hold when all is said and done.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::{MessageEnd, Outcome, SettingsChange, SilentStep, Unknown};
use protocol::outbox::{Item, ItemState, What};
use protocol::payload::Payload;
use protocol::prompt::Decision;
use protocol::settings::Mode;
use protocol::viewer::{Because, Verdict};
use protocol::{ConversationId, EventBody, ItemId, Position, PromptId};
use uuid::Uuid;

use crate::store::Kept;
use crate::viewer::Viewer;
use crate::workspace::parsed;
use crate::world::World;

/// What was promised and not kept.
#[derive(Debug)]
pub struct Violation(pub String);

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Violation {
    pub(crate) fn broken(error: anyhow::Error) -> Self {
        Self(format!("something broke: {error:#}"))
    }

    pub(crate) fn viewer(index: usize, words: String) -> Self {
        Self(format!("viewer {index}: {words}"))
    }

    pub(crate) fn stuck(world: &World) -> Self {
        let mut words = "it does not come to rest:".to_owned();
        for (id, kept) in &world.store.kept {
            let open = kept.items.values().filter(|item| !item.state.is_final());
            let open: Vec<_> = open.map(|item| (item.id, item.state, item.handed, &item.what)).collect();
            let few = open.get(..open.len().min(6)).unwrap_or_default();
            words += &format!("\n  {id}: {:?}\n  {} open: {few:?}", kept.record.summary, open.len());
        }
        words += &format!("\n  workspace {:?}", world.workspace.agent);
        for viewer in &world.viewers {
            words +=
                &format!("\n  viewer {:?} {:?} {:?}", viewer.cursor(), viewer.unanswered, viewer.summary);
        }
        Self(words)
    }
}

/// How often what the promises are about came to pass, so that they are not kept for want of temptation.
pub type Tally = BTreeMap<&'static str, u64>;

/// The log of one conversation as the store has it.
struct Log<'a> {
    id: ConversationId,
    kept: &'a Kept,
    /// Place and JSON of each event, in order.
    lines: Vec<(Position, String)>,
    /// What each says.
    events: Vec<EventBody>,
}

impl<'a> Log<'a> {
    fn read(id: ConversationId, kept: &'a Kept) -> Result<Self, Violation> {
        let lines = kept.log();
        let read = |json: &str| parsed(json).ok_or_else(|| Violation(format!("the store has {json}")));
        let events = lines.iter().map(|(_, json)| Ok(read(json)?.body)).collect::<Result<_, _>>()?;
        Ok(Self { id, kept, lines, events })
    }

    /// The event of this place. Events are numbered from one on.
    fn at(&self, position: Position) -> Option<&str> {
        let index = usize::try_from(position.n.checked_sub(1)?).ok()?;
        self.lines.get(index).filter(|(at, _)| *at == position).map(|(_, json)| json.as_str())
    }
}

/// Counts what came to pass in a world.
fn tally(world: &World, logs: &[Log<'_>]) -> Tally {
    let mut tally = Tally::new();
    let mut count = |what| *tally.entry(what).or_default() += 1;
    for Log { kept, events, .. } in logs {
        events.iter().filter_map(come_to_pass).for_each(&mut count);
        for item in kept.items.values() {
            let refused = matches!(item.state, ItemState::Refused { .. });
            let lost = item.state == ItemState::Unknown { why: Unknown::HistoryLost };
            let cancelled = item.state == ItemState::Cancelled;
            let fates = [
                (cancelled, "a message was taken back"),
                (refused, "an item was refused"),
                (lost, "a message was lost with its volume"),
                (item.version > 1, "a message was edited"),
            ];
            fates.into_iter().filter(|(is, _)| *is).for_each(|(_, what)| count(what));
        }
        kept.notices.iter().for_each(|_| count("a restart was told"));
    }
    for verdict in &world.verdicts {
        match verdict {
            Verdict::Resumed {} => count("a viewer resumed"),
            Verdict::Snapshot { because: Because::NewEpoch } => count("a viewer began anew with an epoch"),
            Verdict::Snapshot { because: Because::TooFarBehind } => count("a viewer was too far behind"),
            Verdict::Snapshot { because: Because::Ahead } => count("a viewer had what was lost"),
            Verdict::Snapshot { .. } => count("a viewer began with a snapshot"),
        }
    }
    for (times, what) in
        [(world.pages, "a page of history was read"), (world.behind, "a viewer lagged behind the ring")]
    {
        if times > 0 {
            *tally.entry(what).or_default() += times;
        }
    }
    tally
}

fn come_to_pass(body: &EventBody) -> Option<&'static str> {
    if let EventBody::MessageTaken { steer: true, .. } = body {
        return Some("a message steered");
    }
    if let EventBody::PromptWithdrawn { answer_not_taken: true, .. } = body {
        return Some("an answer was not taken");
    }
    if let EventBody::EpochBegan { lost, .. } = body {
        return Some(if *lost { "a journal was lost" } else { "a journal may have lost its end" });
    }
    if let EventBody::Silent { step, .. } = body {
        return Some(match step {
            SilentStep::Ended => "a silent process was ended",
            SilentStep::Asked
            | SilentStep::Answered
            | SilentStep::Interrupted
            | SilentStep::Over
            | SilentStep::Other => "a turn fell silent",
        });
    }
    let kinds = [
        (matches!(body, EventBody::MessageResent { .. }), "a message was given again"),
        (matches!(body, EventBody::MessageUnknown { .. }), "a message became unknown"),
        (matches!(body, EventBody::MessageContinued { .. }), "a turn was continued"),
        (matches!(body, EventBody::PromptAnswered { .. }), "a prompt was answered"),
        (matches!(body, EventBody::PromptWithdrawn { .. }), "a prompt was withdrawn"),
        (matches!(body, EventBody::StopAsked { .. }), "a turn was stopped"),
        (matches!(body, EventBody::TerminalClosed { .. }), "Claude's own screen was left"),
        (matches!(body, EventBody::TerminalTyped { .. }), "something was typed into Claude's own screen"),
        (matches!(body, EventBody::Trouble { .. }), "a disk was full"),
        (matches!(body, EventBody::Result(_)), "a turn came to a result"),
    ];
    kinds.into_iter().find_map(|(is, what)| is.then_some(what))
}

/// Holds the world against what was promised, and counts what came to pass in it.
pub(crate) fn check(world: &mut World) -> Result<Tally, Violation> {
    world.workspace.harvest_all();
    let world = &*world;
    let logs = world.store.kept.iter().map(|(id, kept)| Log::read(*id, kept));
    let logs: Vec<Log<'_>> = logs.collect::<Result<_, _>>()?;
    for log in &logs {
        check_log(world, log)?;
        check_items(world, log)?;
        check_turns(log)?;
        check_stops(world, log)?;
        check_prompts(world, log)?;
    }
    for (index, viewer) in world.viewers.iter().enumerate() {
        let Some(log) = logs.iter().find(|log| log.id == viewer.conversation) else {
            return Err(Violation::viewer(index, "watches what the store does not have".to_owned()));
        };
        check_viewer(index, viewer, log)?;
    }
    check_deeds(world, &logs)?;
    check_screens(world, &logs)?;
    check_modes(world, &logs)?;
    Ok(tally(world, &logs))
}

/// What a viewer shows is what the store has.
fn check_viewer(index: usize, viewer: &Viewer, log: &Log<'_>) -> Result<(), Violation> {
    for (position, json) in viewer.earlier.iter().chain(&viewer.log) {
        let stored = log.at(*position);
        if stored != Some(&**json) {
            return Err(Violation::viewer(index, format!("has {position:?} {json}, the store {stored:?}")));
        }
    }
    if viewer.log.last().is_some_and(|(end, _)| *end != log.kept.record.end) {
        return Err(Violation::viewer(index, "its log ends too early".to_owned()));
    }
    let whole = viewer.earlier.len() + viewer.log.len();
    if u64::try_from(whole) != Ok(log.kept.record.end.n) {
        return Err(Violation::viewer(index, format!("has {whole} events of {:?}", log.kept.record.end)));
    }
    check_outbox(index, viewer, log.kept)
}

/// The store's log is the journal's, without holes.
fn check_log(world: &World, log: &Log<'_>) -> Result<(), Violation> {
    let Log { id, kept, lines, .. } = log;
    for (expected, (position, json)) in (1..).zip(lines) {
        if position.n != expected {
            return Err(Violation(format!("event {} stands where {expected} should", position.n)));
        }
        let journaled = world.workspace.journaled.get(&(*id, *position));
        if journaled != Some(json) {
            return Err(Violation(format!("the store has {position:?} {json}, the journal {journaled:?}")));
        }
    }
    match world.workspace.end(*id) {
        Some(end) if end != kept.record.end => {
            Err(Violation(format!("the journal ends at {end:?}, the store at {:?}", kept.record.end)))
        }
        _ => Ok(()),
    }
}

/// Nothing that was called safe vanishes, and nothing is called done that isn't.
fn check_items(world: &World, log: &Log<'_>) -> Result<(), Violation> {
    let Log { id, kept, events, .. } = log;
    for body in events {
        if let EventBody::MessageTaken { item, content, .. } = body {
            check_taken(kept, *item, content)?;
            if !world.persons.asked.contains_key(item) {
                return Err(Violation(format!("nobody sent {item}")));
            }
        }
    }
    let over = over(events.iter());
    for item in kept.items.values() {
        if !matches!(item.what, What::Message { .. }) || item.state != ItemState::Done {
            continue;
        }
        // The word that it is done may have come before its result, which then was lost with the volumes.
        let was_journaled = || {
            let journaled: Vec<EventBody> = world.workspace.journaled_of(*id).collect();
            self::over(journaled.iter()).contains(&item.id)
        };
        if !over.contains(&item.id) && !was_journaled() {
            return Err(Violation(format!("{} is called done and has no result", item.id)));
        }
    }
    check_nothing(world, log)
}

/// What is said to have come to nothing had no tool at work when it ended. Not so where a person had been told that nobody knows.
fn check_nothing(world: &World, log: &Log<'_>) -> Result<(), Violation> {
    let deeds = &world.workspace.deeds;
    let mut unknown = BTreeSet::new();
    for body in &log.events {
        if let EventBody::MessageUnknown { item, .. } = body {
            unknown.insert(*item);
        }
        let EventBody::MessageEnded { item, how: MessageEnd::Nothing } = body else { continue };
        let lost = unknown.contains(item) || deeds.lost.contains(&item.0);
        if deeds.tool_turns.contains_key(&item.0) && !deeds.results.contains_key(&item.0) && !lost {
            return Err(Violation(format!("{item} is said to have come to nothing, and its tools ran")));
        }
    }
    Ok(())
}

/// The messages that events call over, and those that have begun to steer: nothing more is to come of them.
fn over<'a>(events: impl Iterator<Item = &'a EventBody>) -> BTreeSet<ItemId> {
    let (mut ended, mut started, mut steers) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for body in events {
        if let EventBody::MessageTaken { item, steer, .. } = body {
            steers.insert(*item, *steer);
        } else if let EventBody::MessageStarted { item } = body {
            started.insert(*item);
        } else if let EventBody::MessageEnded { item, .. } = body {
            ended.insert(*item);
        } else if let EventBody::Result(result) = body {
            ended.extend(&result.items);
        }
    }
    ended.extend(started.into_iter().filter(|item| steers.get(item) == Some(&true)));
    ended
}

/// No message is begun twice unless the log says why, and none has two ends.
fn check_turns(log: &Log<'_>) -> Result<(), Violation> {
    let mut begun = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for body in &log.events {
        if let EventBody::MessageStarted { item } = body
            && !begun.insert(*item)
        {
            return Err(Violation(format!("{item} was begun again, and nothing says why")));
        }
        if let Some(item) = ends(body).iter().find(|item| !ended.insert(**item)) {
            return Err(Violation(format!("{item} has two ends")));
        }
        // One that steered and came too late is told again as one of its own.
        if let EventBody::MessageResent { item, .. } | EventBody::MessageTaken { item, .. } = body {
            begun.remove(item);
        }
        if let EventBody::MessageContinued { message, .. } = body {
            begun.remove(message);
            ended.remove(message);
        }
        if let EventBody::EpochBegan { .. } = body {
            // What goes on is told anew.
            begun.clear();
            ended.clear();
        }
    }
    Ok(())
}

/// What is said to be stopped was begun, or a person stopped it.
fn check_stops(world: &World, log: &Log<'_>) -> Result<(), Violation> {
    let stopped = log.events.iter().filter_map(|body| {
        let EventBody::MessageEnded { item, how: MessageEnd::Stopped } = body else { return None };
        Some(*item)
    });
    let mut stopped: BTreeSet<ItemId> = stopped.collect();
    if stopped.is_empty() {
        return Ok(());
    }
    let (mut taken, mut steers) = (BTreeSet::new(), BTreeSet::new());
    // Of what was stopped the end may be all that is left in the log.
    for body in world.workspace.journaled_of(log.id) {
        if let EventBody::MessageTaken { item, steer, .. } = body {
            taken.insert(item);
            steers.extend(steer.then_some(item));
        } else if let EventBody::MessageStarted { item } | EventBody::MessageContinued { message: item, .. } =
            body
        {
            stopped.remove(&item);
        } else if let EventBody::StopAsked { message, .. } = body {
            // What was to steer a turn is stopped with it.
            stopped.retain(|item| Some(*item) != message && !steers.contains(item));
        } else if let EventBody::ToolCall { .. } = body {
            // Claude may not say which message it is at.
            stopped.retain(|item| !taken.contains(item));
        }
    }
    match stopped.first() {
        Some(item) => Err(Violation(format!("{item} was not begun, and nobody stopped it"))),
        None => Ok(()),
    }
}

/// The messages that an event calls over. Not by a stop that comes as the turn ends anyway: that has an end of its own, and the
/// CLI names the same messages; nor by a turn that came to nothing since another answered for it.
fn ends(body: &EventBody) -> Vec<ItemId> {
    if let EventBody::Result(result) = body
        && result.outcome != Outcome::Stopped
    {
        return result.items.clone();
    }
    if let EventBody::MessageEnded { item, how } = body
        && !matches!(how, MessageEnd::Stopped | MessageEnd::Nothing)
    {
        return vec![*item];
    }
    if let EventBody::MessageUnknown { item, .. } = body { vec![*item] } else { Vec::new() }
}

/// No permission mode that loosens is there without a person having asked for it, each time.
fn check_modes(world: &World, logs: &[Log<'_>]) -> Result<(), Violation> {
    let mut loosened = 0;
    for log in logs {
        let (mut mode, mut asked) = (Mode::Default, false);
        for body in &log.events {
            let EventBody::SettingsChanged { settings, why } = body else { continue };
            // Two people who want different things are not what this is about.
            let loosens = settings.mode == Mode::AcceptEdits && mode != Mode::AcceptEdits;
            loosened += usize::from(loosens && !asked);
            (mode, asked) = (settings.mode, *why == SettingsChange::Asked);
        }
    }
    if loosened > world.persons.loosened {
        let wanted = world.persons.loosened;
        return Err(Violation(format!(
            "permissions were loosened {loosened} times, and wanted so {wanted} times"
        )));
    }
    Ok(())
}

/// What the workspace took is what the store has, and was not taken back.
fn check_taken(kept: &Kept, item: ItemId, content: &Payload) -> Result<(), Violation> {
    let Some(Item { what: What::Message { text, .. }, state, .. }) = kept.items.get(&item) else {
        return Ok(());
    };
    let same = matches!(content, Payload::Text(taken) if taken == text.as_str());
    if !same {
        return Err(Violation(format!("{item} says {text:?} and was taken as {content:?}")));
    }
    if *state == ItemState::Cancelled {
        return Err(Violation(format!("{item} was taken back and reached the workspace")));
    }
    Ok(())
}

/// Each prompt was answered at most once, by a person, and the process got that answer and no other.
fn check_prompts(world: &World, log: &Log<'_>) -> Result<(), Violation> {
    let mut answered: BTreeMap<&PromptId, ItemId> = BTreeMap::new();
    for body in &log.events {
        let EventBody::PromptAnswered { prompt, item, decision, .. } = body else { continue };
        if let Some(before) = answered.insert(prompt, *item) {
            return Err(Violation(format!("prompt {prompt} was answered by {before} and by {item}")));
        }
        let asked = world.persons.asked.get(item);
        let meant = matches!(asked, Some(What::Answer { prompt: wanted, decision: said }) if wanted == prompt && said == decision);
        if !meant {
            return Err(Violation(format!("prompt {prompt} was answered by {item}, which says {asked:?}")));
        }
    }
    Ok(())
}

/// No two processes had a session at a time, and what was typed into Claude's own screen is in the log, once.
fn check_screens(world: &World, logs: &[Log<'_>]) -> Result<(), Violation> {
    if world.workspace.deeds.shared {
        return Err(Violation("two processes had one session".to_owned()));
    }
    let mut typed = BTreeSet::new();
    for body in logs.iter().flat_map(|log| &log.events) {
        let row = if let EventBody::TerminalTyped { row, .. } = body {
            row.clone()
        } else if let EventBody::ToolCall { tool_use, .. } = body {
            format!("call {tool_use}")
        } else if let EventBody::ToolResult { tool_use, .. } = body {
            format!("result {tool_use}")
        } else {
            continue;
        };
        if let Some(row) = typed.replace(row) {
            return Err(Violation(format!("the log has the row {row} twice")));
        }
    }
    let whole = |row: &Uuid| {
        ([row.to_string(), format!("call {row}"), format!("result {row}")])
            .iter()
            .all(|said| typed.contains(said))
    };
    match world.workspace.home.typed().find(|row| !whole(row)) {
        Some(row) => {
            Err(Violation(format!("{row} was typed into Claude's own screen and is not in the log")))
        }
        None => Ok(()),
    }
}

/// What a viewer shows of the outbox is what the store has.
fn check_outbox(index: usize, viewer: &Viewer, kept: &Kept) -> Result<(), Violation> {
    for item in viewer.items.values() {
        if kept.items.get(&item.id) != Some(item) {
            let words = format!("shows {item:?}, the store has {:?}", kept.items.get(&item.id));
            return Err(Violation::viewer(index, words));
        }
    }
    let mut open = kept.items.values().filter(|item| !item.state.is_final());
    match open.find(|item| !viewer.items.contains_key(&item.id)) {
        Some(item) => Err(Violation::viewer(index, format!("does not show {item:?}"))),
        None => Ok(()),
    }
}

/// Whether the answer that won allowed what was asked, if the log knows of one.
fn winner(logs: &[Log<'_>], wanted: &PromptId) -> Option<bool> {
    logs.iter().flat_map(|log| &log.events).find_map(|body| {
        let EventBody::PromptAnswered { prompt, decision, .. } = body else { return None };
        (prompt == wanted).then_some(matches!(decision, Decision::Allow { .. }))
    })
}

/// What really happened.
fn check_deeds(world: &World, logs: &[Log<'_>]) -> Result<(), Violation> {
    let stored: BTreeSet<ItemId> =
        world.store.kept.values().flat_map(|kept| kept.items.keys().copied()).collect();
    for item in &world.persons.safe {
        if !stored.contains(item) {
            return Err(Violation(format!("{item} was called safe and is gone")));
        }
    }
    let deeds = &world.workspace.deeds;
    for (message, turns) in &deeds.tool_turns {
        // What a lost volume knew of a call, nobody knows: the message is given again.
        if *turns > 1 && !deeds.lost.contains(message) {
            return Err(Violation(format!("tools ran in {turns} turns of {message}")));
        }
    }
    if deeds.continued_turns > world.persons.continued {
        let words =
            format!("{} turns were continued, {} wanted", deeds.continued_turns, world.persons.continued);
        return Err(Violation(words));
    }
    for (prompt, answers) in &world.workspace.deeds.answers {
        let Some(prompt) = PromptId::new(prompt.clone()) else { continue };
        if answers.len() > 1 {
            return Err(Violation(format!("Claude took {} answers to {prompt}", answers.len())));
        }
        if let Some(allowed) = winner(logs, &prompt).filter(|allowed| *allowed != answers[0]) {
            return Err(Violation(format!("{prompt} was answered {allowed}, and Claude took {answers:?}")));
        }
        let said = world.persons.asked.values().any(|what| match what {
            What::Answer { prompt: wanted, decision } => {
                *wanted == prompt && answers[0] == matches!(decision, Decision::Allow { .. })
            }
            What::Message { .. } | What::Stop { .. } | What::Continue { .. } => false,
        });
        if !said {
            return Err(Violation(format!(
                "Claude took an answer to {prompt} that nobody gave: {answers:?}"
            )));
        }
    }
    Ok(())
}

//! What people send, and how far each of it has come. Pure: every method says what would change; the hub commits
//! that and then [applies](Outbox::apply) it.
//!
//! ```text
//! saved ──▶ delivered ──▶ started ──▶ done
//!   │           └────────────┴──────▶ unknown
//!   ├──▶ cancelled (a person took it back)
//!   └──▶ refused (and why)
//! ```
//!
//! An item moves past *saved* only because the log says so.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use protocol::close::ErrorCode;
use protocol::event::{MessageEnd, Person, Unknown};
use protocol::limits::{DECISION_BYTES, MESSAGE_BYTES, MESSAGE_JSON_BYTES, OUTBOX_BYTES, OUTBOX_ITEMS};
use protocol::outbox::{Item, ItemState, What};
use protocol::payload::json_len;
use protocol::prompt::Decision;
use protocol::summary::{MAX_PROMPTS, State, Summary};
use protocol::{Event, EventBody, ItemId, Millis, Position, PromptId};

/// Stops that may be on their way at a time, and as many continuations: a person presses again, and a script in a loop has to
/// end somewhere. None of them is kept out by messages, nor by each other.
const ASKS: usize = 16;

/// Why a person's request was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// For the page.
    pub code: ErrorCode,
    /// For logs and scripts.
    pub message: String,
}

/// The items of one conversation that are not final.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// Shared, so that what a commit would come to is worked out on a copy that costs no texts.
    items: BTreeMap<ItemId, Arc<Item>>,
    rev: u64,
    seq: u64,
}

/// Who sends, when, and where the log stood.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Millis,
    /// Where the log ends.
    pub after: Position,
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

impl Outbox {
    /// The outbox as it was kept.
    pub fn new(items: Vec<Item>, rev: u64, seq: u64) -> Self {
        let items = items
            .into_iter()
            .filter(|item| !item.state.is_final())
            .map(|item| (item.id, Arc::new(item)))
            .collect();
        Self { items, rev, seq }
    }

    /// Its revision.
    pub const fn rev(&self) -> u64 {
        self.rev
    }

    /// The highest place in its queue.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether an item of this id is there and not final.
    pub fn contains(&self, item: ItemId) -> bool {
        self.items.contains_key(&item)
    }

    /// Whether everything in it has come to its end.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Messages that wait to be delivered.
    pub fn waiting(&self) -> u32 {
        let waiting = self.items.values().filter(|item| is_message(item) && item.state == ItemState::Saved);
        u32::try_from(waiting.count()).unwrap_or(u32::MAX)
    }

    /// The message whose turn is the next to run: it is in the workspace, or on its way there and can't be taken back.
    pub fn next_turn(&self) -> Option<ItemId> {
        let under_way = |item: &&Arc<Item>| {
            is_message(item)
                && (item.state == ItemState::Delivered || item.state == ItemState::Saved && item.handed)
        };
        self.items.values().filter(under_way).min_by_key(|item| item.seq).map(|item| item.id)
    }

    /// Whether something was handed over that has not come to its end.
    pub fn is_under_way(&self) -> bool {
        self.items.values().any(|item| matches!(item.state, ItemState::Delivered | ItemState::Started))
    }

    /// Takes what was committed.
    pub fn apply(&mut self, items: &[Item]) {
        for item in items {
            self.rev = self.rev.max(item.rev);
            self.seq = self.seq.max(item.seq);
            if item.state.is_final() {
                self.items.remove(&item.id);
            } else {
                self.items.insert(item.id, Arc::new(item.clone()));
            }
        }
    }

    /// A new item. Its id must be new.
    ///
    /// # Errors
    /// When it makes no sense, is too large, or the outbox is full.
    pub fn add(&self, id: ItemId, what: What, stamp: Stamp, summary: &Summary) -> Result<Item, Refusal> {
        match &what {
            What::Message { text, .. } => {
                check_text(text)?;
                self.check_count(is_message, OUTBOX_ITEMS)?;
                self.check_room(0, text.len())?;
            }
            What::Answer { prompt, decision } => {
                check_decision(decision)?;
                self.check_answer(prompt, summary)?;
                // One for each prompt, but prompts come and go while answers are on their way.
                self.check_count(|item| matches!(item.what, What::Answer { .. }), MAX_PROMPTS)?;
            }
            What::Continue { message } if summary.unknown != Some(*message) => {
                return Err(refuse(ErrorCode::Conflict, "there is no interrupted turn of that message"));
            }
            What::Continue { .. } => {
                self.check_count(|item| matches!(item.what, What::Continue { .. }), ASKS)?;
            }
            What::Stop { .. } => self.check_count(|item| matches!(item.what, What::Stop { .. }), ASKS)?,
        }
        let Stamp { by, at, after } = stamp;
        let (seq, rev) = (self.seq + 1, self.rev + 1);
        Ok(Item { id, seq, version: 1, rev, by, at, after, what, handed: false, state: ItemState::Saved })
    }

    /// Whether there is room for one more of a kind.
    fn check_count(&self, kind: impl Fn(&Item) -> bool, most: usize) -> Result<(), Refusal> {
        if self.items.values().filter(|item| kind(item)).count() < most {
            return Ok(());
        }
        Err(refuse(ErrorCode::TooMany, format!("{most} of that kind wait already")))
    }

    /// Whether there is room for text of so many bytes in the place of `old` ones.
    fn check_room(&self, old: usize, new: usize) -> Result<(), Refusal> {
        let bytes = self.items.values().map(|item| item.what.bytes()).sum::<usize>() - old;
        if bytes + new <= OUTBOX_BYTES {
            return Ok(());
        }
        let message =
            format!("what waits has {bytes} bytes already; with this it would be above {OUTBOX_BYTES}");
        Err(refuse(ErrorCode::TooMany, message))
    }

    /// The first answer wins, on any device.
    fn check_answer(&self, prompt: &PromptId, summary: &Summary) -> Result<(), Refusal> {
        let answered = self.items.values().any(|item| answers(item, prompt));
        if answered || !summary.prompts.contains(prompt) {
            return Err(refuse(ErrorCode::PromptClosed, "the prompt was answered or withdrawn"));
        }
        Ok(())
    }

    /// A message that waits, with other words.
    ///
    /// # Errors
    /// When it no longer waits, was changed by someone else, or is too large.
    pub fn edit(&self, id: ItemId, version: u32, text: String) -> Result<Item, Refusal> {
        check_text(&text)?;
        let mut item = self.waiting_message(id)?;
        if item.version != version {
            return Err(refuse(ErrorCode::Conflict, "the message was edited elsewhere"));
        }
        if let What::Message { text: old, .. } = &mut item.what {
            self.check_room(old.len(), text.len())?;
            *old = text;
        }
        item.version += 1;
        Ok(item)
    }

    /// A message that waits, taken back.
    ///
    /// # Errors
    /// When it no longer waits.
    pub fn cancel(&self, id: ItemId) -> Result<Item, Refusal> {
        let mut item = self.waiting_message(id)?;
        item.state = ItemState::Cancelled;
        Ok(item)
    }

    /// A message that waits, to be given to the running turn.
    ///
    /// # Errors
    /// When it no longer waits.
    pub fn send_now(&self, id: ItemId) -> Result<Item, Refusal> {
        let mut item = self.waiting_message(id)?;
        if let What::Message { steer, .. } = &mut item.what {
            *steer = true;
        }
        Ok(item)
    }

    /// The waiting messages with `id` put before `before`, or last: those whose place changes.
    ///
    /// # Errors
    /// When one of them no longer waits.
    pub fn reorder(&self, id: ItemId, before: Option<ItemId>) -> Result<Vec<Item>, Refusal> {
        let moved = self.waiting_message(id)?;
        let queue = self.queue().filter(|item| item.id != id && can_change(item));
        let mut queue: Vec<Item> = queue.cloned().collect();
        let at = match before {
            Some(before) => queue
                .iter()
                .position(|item| item.id == before)
                .ok_or_else(|| refuse(ErrorCode::Conflict, "the other message no longer waits"))?,
            None => queue.len(),
        };
        queue.insert(at, moved);
        let mut places: Vec<u64> = queue.iter().map(|item| item.seq).collect();
        places.sort_unstable();
        let mut changed = Vec::new();
        for (mut item, seq) in queue.into_iter().zip(places) {
            if item.seq != seq {
                item.seq = seq;
                item.rev = self.rev + 1 + changed.len() as u64;
                changed.push(item);
            }
        }
        Ok(changed)
    }

    fn waiting_message(&self, id: ItemId) -> Result<Item, Refusal> {
        let item = self.items.get(&id).filter(|item| can_change(item));
        let gone = || refuse(ErrorCode::Conflict, "the message no longer waits");
        let mut item = Item::clone(item.ok_or_else(gone)?);
        item.rev = self.rev + 1;
        Ok(item)
    }

    /// Messages that wait, in their order.
    fn queue(&self) -> impl Iterator<Item = &Item> {
        let waits = self.items.values().filter(|item| is_message(item) && item.state == ItemState::Saved);
        let mut queue: Vec<&Item> = waits.map(|item| &**item).collect();
        queue.sort_by_key(|item| item.seq);
        queue.into_iter()
    }

    /// What is to be handed over now, beyond what this link has had already: the queue's head if the conversation
    /// is ready for it, what steers, and every answer, stop and continuation. While the fate of a message is unknown, what
    /// was sent before that is held, here and in the workspace, and what was sent after it goes first: that is somebody's
    /// decision. While the conversation is open in Claude's own screen messages wait here, where they can be changed.
    pub fn to_hand_over(&self, summary: &Summary, had: &HashSet<ItemId>) -> Vec<&Item> {
        let mut now: Vec<&Item> = self
            .items
            .values()
            .map(|item| &**item)
            .filter(|item| item.state == ItemState::Saved && !had.contains(&item.id))
            .filter(|item| !is_message(item) || (steers(item) && summary.state != State::Idle))
            .collect();
        let held = |item: &Item| summary.unknown.is_some() && item.after.n < summary.unknown_at;
        let under_way = |item: &Item| match item.state {
            ItemState::Saved => had.contains(&item.id),
            ItemState::Delivered => !held(item),
            ItemState::Started
            | ItemState::Done
            | ItemState::Refused { .. }
            | ItemState::Unknown { .. }
            | ItemState::Cancelled => true,
        };
        let busy = self.items.values().any(|item| is_message(item) && !steers(item) && under_way(item));
        let mut queue = self.queue().filter(|item| !had.contains(&item.id) && !held(item));
        let head = queue.find(|item| !now.iter().any(|one| one.id == item.id));
        now.extend(head.filter(|head| !busy && (head.handed || !summary.lent)));
        now.sort_by_key(|item| item.seq);
        now
    }

    /// What of [that](Outbox::to_hand_over) may be: anything but messages that are not kept as handed over.
    pub fn handed<'a>(&'a self, summary: &Summary, had: &HashSet<ItemId>) -> impl Iterator<Item = &'a Item> {
        self.to_hand_over(summary, had).into_iter().filter(|item| item.handed || !is_message(item))
    }

    /// Messages that are to be handed over, kept as such. Once one may have arrived it can't be taken back, and nobody
    /// remembers that better than the store.
    pub fn hand(&self, summary: &Summary, had: &HashSet<ItemId>) -> Vec<Item> {
        let fresh =
            self.to_hand_over(summary, had).into_iter().filter(|item| is_message(item) && !item.handed);
        let revs = self.rev + 1..;
        revs.zip(fresh).map(|(rev, item)| Item { rev, handed: true, ..item.clone() }).collect()
    }

    /// What these events change, in order.
    pub fn follow(&self, events: &[Event]) -> Vec<Item> {
        let mut follower = Follower { items: self.items.clone(), changed: Vec::new(), rev: self.rev };
        for event in events {
            follower.take(event);
        }
        follower.finish()
    }

    /// Items that the workspace-agent dealt with without a trace in the log.
    pub fn settle(&self, settled: &[(ItemId, Option<ErrorCode>)]) -> Vec<Item> {
        let mut follower = Follower { items: self.items.clone(), changed: Vec::new(), rev: self.rev };
        for (id, refused) in settled {
            follower.set(*id, refused.map_or(ItemState::Done, |code| ItemState::Refused { code }));
        }
        follower.finish()
    }
}

struct Follower {
    items: BTreeMap<ItemId, Arc<Item>>,
    changed: Vec<ItemId>,
    rev: u64,
}

impl Follower {
    /// The items that changed, in the order of their changes.
    fn finish(mut self) -> Vec<Item> {
        self.changed.iter().filter_map(|id| self.items.remove(id)).map(Arc::unwrap_or_clone).collect()
    }

    fn take(&mut self, event: &Event) {
        match &event.body {
            EventBody::MessageTaken { item, steer, .. } => self.deliver(*item, *steer),
            EventBody::MessageStarted { item } => self.start(*item),
            EventBody::MessageEnded { item, how: MessageEnd::Failed } => {
                self.set(*item, ItemState::Refused { code: ErrorCode::Unavailable });
            }
            EventBody::MessageEnded { item, .. }
            | EventBody::StopAsked { item, .. }
            | EventBody::MessageContinued { item, .. }
            | EventBody::PromptAnswered { item, .. } => self.set(*item, ItemState::Done),
            EventBody::MessageUnknown { item, why, .. } => self.set(*item, ItemState::Unknown { why: *why }),
            EventBody::Result(result) => {
                for item in &result.items {
                    self.set(*item, ItemState::Done);
                }
            }
            EventBody::PromptWithdrawn { prompt, .. } => {
                let late: Vec<ItemId> =
                    self.items.values().filter(|item| answers(item, prompt)).map(|item| item.id).collect();
                for item in late {
                    self.set(item, ItemState::Refused { code: ErrorCode::PromptClosed });
                }
            }
            EventBody::EpochBegan { held, .. } => self.lose(held),
            EventBody::MessageResent { .. }
            | EventBody::Text { .. }
            | EventBody::Thinking { .. }
            | EventBody::ToolCall { .. }
            | EventBody::ToolResult { .. }
            | EventBody::PromptAsked(_)
            | EventBody::Tasks { .. }
            | EventBody::Background { .. }
            | EventBody::Retry { .. }
            | EventBody::State { .. }
            | EventBody::ProcessStarted { .. }
            | EventBody::ProcessEnded { .. }
            | EventBody::SettingsChanged { .. }
            | EventBody::Compacted { .. }
            | EventBody::Cleared {}
            | EventBody::TerminalOpened { .. }
            | EventBody::TerminalClosed { .. }
            | EventBody::TerminalTyped { .. }
            | EventBody::Trouble { .. }
            | EventBody::Silent { .. }
            | EventBody::Note { .. }
            | EventBody::Opaque { .. } => {}
        }
    }

    /// A message is in the workspace. Whether it steers is known there alone: there may be nothing to steer.
    fn deliver(&mut self, id: ItemId, steers: bool) {
        if let Some(item) = self.items.get_mut(&id)
            && let Item { what: What::Message { steer, .. }, state, .. } = Arc::make_mut(item)
            && *steer != steers
        {
            *steer = steers;
            // So that it counts as changed, whatever it was.
            *state = ItemState::Saved;
        }
        self.set(id, ItemState::Delivered);
    }

    /// Claude works on a message. One that steers has no end of its own.
    fn start(&mut self, id: ItemId) {
        let steers = self.items.get(&id).is_some_and(|item| steers(item));
        self.set(id, if steers { ItemState::Done } else { ItemState::Started });
    }

    /// The workspace lost its record: what it had and doesn't hold any more, nobody knows.
    fn lose(&mut self, held: &[ItemId]) {
        let lost = |item: &&Arc<Item>| {
            matches!(item.state, ItemState::Delivered | ItemState::Started) && !held.contains(&item.id)
        };
        let lost: Vec<ItemId> = self.items.values().filter(lost).map(|item| item.id).collect();
        for item in lost {
            self.set(item, ItemState::Unknown { why: Unknown::HistoryLost });
        }
    }

    /// Moves an item on, never back from its end.
    fn set(&mut self, id: ItemId, state: ItemState) {
        let Some(item) = self.items.get_mut(&id).filter(|item| !item.state.is_final() && item.state != state)
        else {
            return;
        };
        let item = Arc::make_mut(item);
        self.rev += 1;
        item.state = state;
        item.rev = self.rev;
        if !self.changed.contains(&id) {
            self.changed.push(id);
        }
    }
}

fn check_text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(refuse(ErrorCode::Invalid, "the message is empty"));
    }
    if text.len() > MESSAGE_BYTES {
        let message = format!("the message has {} bytes; {MESSAGE_BYTES} are allowed", text.len());
        return Err(refuse(ErrorCode::TooLarge, message));
    }
    if json_len(text) > MESSAGE_JSON_BYTES {
        return Err(refuse(ErrorCode::TooLarge, "the message is mostly control characters"));
    }
    Ok(())
}

/// Whether an answer fits into the event that will tell of it.
fn check_decision(decision: &Decision) -> Result<(), Refusal> {
    let bytes = decision.bytes();
    if bytes > DECISION_BYTES {
        let message = format!("the answer has {bytes} bytes; {DECISION_BYTES} are allowed");
        return Err(refuse(ErrorCode::TooLarge, message));
    }
    if decision.is_deep() {
        return Err(refuse(ErrorCode::TooLarge, "the answer's values are nested too deep"));
    }
    Ok(())
}

const fn is_message(item: &Item) -> bool {
    matches!(item.what, What::Message { .. })
}

fn can_change(item: &Item) -> bool {
    is_message(item) && item.state == ItemState::Saved && !item.handed
}

const fn steers(item: &Item) -> bool {
    matches!(item.what, What::Message { steer: true, .. })
}

fn answers(item: &Item, wanted: &PromptId) -> bool {
    matches!(&item.what, What::Answer { prompt, .. } if prompt == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::UserId;
    use protocol::event::{Outcome, TurnResult, Usage};
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> ItemId {
        ItemId(Uuid::from_u128(n))
    }

    fn stamp(n: u64) -> Stamp {
        let by = Person { id: UserId(Uuid::nil()), name: "Ada".into(), token: None };
        Stamp { by, at: 1, after: Position { epoch: 1, n } }
    }

    fn message(text: &str) -> What {
        What::Message { text: text.into(), steer: false, again_of: None }
    }

    fn event(body: EventBody) -> Event {
        Event { n: 1, at: 1, body }
    }

    fn with(messages: u128) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 1..=messages {
            let item = outbox.add(id(n), message("hi"), stamp(0), &Summary::default()).unwrap();
            outbox.apply(&[item]);
        }
        outbox
    }

    fn handed(outbox: &Outbox, summary: &Summary, handed: &[ItemId]) -> Vec<ItemId> {
        let handed = handed.iter().copied().collect();
        outbox.to_hand_over(summary, &handed).iter().map(|item| item.id).collect()
    }

    #[test]
    fn nothing_new_is_handed_over_while_the_conversation_is_open_in_a_terminal() {
        let mut outbox = with(2);
        let lent = Summary { lent: true, ..Summary::default() };
        assert_eq!(handed(&outbox, &lent, &[]), []);
        // One that may have arrived has to.
        outbox.apply(&outbox.hand(&Summary::default(), &HashSet::new()));
        assert_eq!(handed(&outbox, &lent, &[]), [id(1)]);
    }

    #[test]
    fn only_the_head_is_handed_over_until_its_turn_has_ended() {
        let mut outbox = with(3);
        let summary = Summary::default();
        assert_eq!(handed(&outbox, &summary, &[]), [id(1)]);
        assert_eq!(handed(&outbox, &summary, &[id(1)]), []);
        outbox.apply(&outbox.follow(&[event(EventBody::MessageStarted { item: id(1) })]));
        assert_eq!(handed(&outbox, &summary, &[]), []);
        let result = TurnResult {
            items: vec![id(1)],
            outcome: Outcome::Completed,
            error: None,
            duration_ms: 1,
            cost_usd: 0.0,
            usage: Usage::default(),
        };
        let changed = outbox.follow(&[event(EventBody::Result(result))]);
        assert_eq!(changed[0].state, ItemState::Done);
        outbox.apply(&changed);
        assert_eq!(handed(&outbox, &summary, &[]), [id(2)]);
    }

    #[test]
    fn the_queue_is_held_while_a_message_is_unknown_but_not_for_what_came_after() {
        let mut outbox = with(1);
        let summary = Summary { unknown: Some(id(9)), unknown_at: 5, ..Summary::default() };
        assert_eq!(handed(&outbox, &summary, &[]), []);
        let later = outbox.add(id(2), message("go on"), stamp(6), &summary).unwrap();
        outbox.apply(&[later]);
        // What came before goes on waiting, and keeps its place.
        assert_eq!(handed(&outbox, &summary, &[]), [id(2)]);
        outbox.apply(&outbox.follow(&[event(EventBody::MessageStarted { item: id(2) })]));
        let dealt_with = Summary::default();
        assert_eq!(handed(&outbox, &dealt_with, &[]), []);
        let ended = EventBody::MessageEnded { item: id(2), how: MessageEnd::Nothing };
        outbox.apply(&outbox.follow(&[event(ended)]));
        assert_eq!(handed(&outbox, &dealt_with, &[]), [id(1)]);
    }

    #[test]
    fn a_message_that_is_held_in_the_workspace_does_not_hold_up_what_came_after() {
        let mut outbox = with(1);
        let taken = EventBody::MessageTaken {
            item: id(1),
            by: stamp(0).by,
            content: protocol::payload::Payload::Text("hi".to_owned()),
            steer: false,
            again_of: None,
        };
        outbox.apply(&outbox.follow(&[event(taken)]));
        let summary = Summary { unknown: Some(id(9)), unknown_at: 5, ..Summary::default() };
        let later = outbox.add(id(2), message("go on"), stamp(6), &summary).unwrap();
        outbox.apply(&[later]);
        assert_eq!(handed(&outbox, &summary, &[]), [id(2)]);
        assert_eq!(outbox.next_turn(), Some(id(1)));
    }

    #[test]
    fn a_stop_means_a_message_that_is_on_its_way() {
        let mut outbox = with(1);
        assert_eq!(outbox.next_turn(), None, "it can be taken back");
        outbox.apply(&outbox.hand(&Summary::default(), &HashSet::new()));
        assert_eq!(outbox.next_turn(), Some(id(1)));
    }

    #[test]
    fn answers_and_stops_go_at_once_and_once_a_link() {
        let mut outbox = with(1);
        outbox.apply(&outbox.follow(&[event(EventBody::MessageStarted { item: id(1) })]));
        let stop =
            outbox.add(id(7), What::Stop { message: Some(id(1)) }, stamp(0), &Summary::default()).unwrap();
        outbox.apply(&[stop]);
        assert_eq!(handed(&outbox, &Summary::default(), &[]), [id(7)]);
        assert_eq!(handed(&outbox, &Summary::default(), &[id(7)]), []);
    }

    #[test]
    fn a_message_sent_now_steers_a_running_turn() {
        let mut outbox = with(2);
        outbox.apply(&outbox.follow(&[event(EventBody::MessageStarted { item: id(1) })]));
        outbox.apply(&[outbox.send_now(id(2)).unwrap()]);
        let working = Summary { state: State::Working, ..Summary::default() };
        assert_eq!(handed(&outbox, &working, &[]), [id(2)]);
        // With nothing to steer it is the queue's head like any other.
        outbox.apply(
            &outbox.follow(&[event(EventBody::MessageEnded { item: id(1), how: MessageEnd::Stopped })]),
        );
        assert_eq!(handed(&outbox, &Summary::default(), &[]), [id(2)]);
    }

    #[test]
    fn the_first_answer_wins() {
        let prompt = PromptId::new("r1").unwrap();
        let summary = Summary { prompts: vec![prompt.clone()], ..Summary::default() };
        let decision = Decision::Deny { message: None };
        let answer = What::Answer { prompt: prompt.clone(), decision };
        let mut outbox = Outbox::default();
        let first = outbox.add(id(1), answer.clone(), stamp(0), &summary).unwrap();
        outbox.apply(&[first]);
        let second = outbox.add(id(2), answer.clone(), stamp(0), &summary).unwrap_err();
        assert_eq!(second.code, ErrorCode::PromptClosed);
        let why = protocol::prompt::Withdrawal::Claude;
        let withdrawn = EventBody::PromptWithdrawn { prompt, why, answer_not_taken: false };
        let changed = outbox.follow(&[event(withdrawn)]);
        assert_eq!(changed[0].state, ItemState::Refused { code: ErrorCode::PromptClosed });
        assert_eq!(
            Outbox::default().add(id(3), answer, stamp(0), &Summary::default()).unwrap_err().code,
            ErrorCode::PromptClosed
        );
    }

    #[test]
    fn what_would_fit_into_no_event_or_frame_is_refused_before_it_is_saved() {
        let prompt = PromptId::new("r1").unwrap();
        let summary = Summary { prompts: vec![prompt.clone()], ..Summary::default() };
        let add = |what| Outbox::default().add(id(1), what, stamp(0), &summary).map(|_| ());
        let deny = |bytes: usize| What::Answer {
            prompt: prompt.clone(),
            decision: Decision::Deny { message: Some("x".repeat(bytes)) },
        };
        assert_eq!(add(deny(40_000)), Ok(()));
        let refused = add(deny(70_000)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge);
        assert!(refused.message.contains("49152"), "{}", refused.message);
        let deep = (0..100).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
        let content = [("field".to_owned(), deep)].into_iter().collect();
        let form = What::Answer { prompt: prompt.clone(), decision: Decision::Form { content } };
        assert_eq!(add(form).unwrap_err().code, ErrorCode::TooLarge);
        assert_eq!(
            add(message(&"\n".repeat(MESSAGE_BYTES))).map_err(|refused| refused.code),
            Err(ErrorCode::Invalid)
        );
        assert_eq!(add(message(&"\"".repeat(MESSAGE_BYTES))), Ok(()));
        assert_eq!(add(message(&"\u{1}".repeat(MESSAGE_BYTES))).unwrap_err().code, ErrorCode::TooLarge);
    }

    #[test]
    fn messages_that_wait_may_not_take_more_than_there_is_room_for_and_nothing_else_is_kept_out() {
        let full = OUTBOX_BYTES / MESSAGE_BYTES;
        let long = message(&"x".repeat(MESSAGE_BYTES));
        let summary = Summary::default();
        let mut outbox = Outbox::default();
        for n in 1..=full as u128 {
            outbox.apply(&[outbox.add(id(n), long.clone(), stamp(0), &summary).unwrap()]);
        }
        let refused = outbox.add(id(1000), message("x"), stamp(0), &summary).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooMany);
        assert!(refused.message.contains(&OUTBOX_BYTES.to_string()), "{}", refused.message);
        assert!(outbox.add(id(1000), What::Stop { message: None }, stamp(0), &summary).is_ok());
        // One that becomes shorter makes room for another.
        outbox.apply(&[outbox.edit(id(1), 1, "short".into()).unwrap()]);
        outbox.apply(&[outbox.add(id(1000), message("x"), stamp(0), &summary).unwrap()]);
        assert_eq!(outbox.edit(id(1000), 1, "y".repeat(MESSAGE_BYTES)).unwrap_err().code, ErrorCode::TooMany);
    }

    #[test]
    fn messages_that_wait_keep_out_no_answer_and_no_stop_and_those_have_bounds_of_their_own() {
        let prompt = |n: usize| PromptId::new(format!("r{n}")).unwrap();
        let prompts = (0..=MAX_PROMPTS).map(prompt).collect();
        let summary = Summary { prompts, unknown: Some(id(1)), ..Summary::default() };
        let mut outbox = with(OUTBOX_ITEMS as u128);
        let refused = outbox.add(id(9000), message("one more"), stamp(0), &summary).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooMany);
        let answer = |n| What::Answer { prompt: prompt(n), decision: Decision::Deny { message: None } };
        let stop = What::Stop { message: Some(id(1)) };
        let go_on = What::Continue { message: id(1) };
        // Whoever asks for one of them in a loop has to end, and keeps out none of another kind.
        let mut next = 1000;
        let mut fill = |most: usize, what: &dyn Fn(usize) -> What| {
            for n in 0..most {
                next += 1;
                outbox.apply(&[outbox.add(id(next), what(n), stamp(0), &summary).unwrap()]);
            }
            outbox.add(id(next + 1), what(most), stamp(0), &summary).unwrap_err().code
        };
        assert_eq!(fill(ASKS, &|_| stop.clone()), ErrorCode::TooMany);
        assert_eq!(fill(ASKS, &|_| go_on.clone()), ErrorCode::TooMany);
        assert_eq!(fill(MAX_PROMPTS, &answer), ErrorCode::TooMany);
    }

    #[test]
    fn only_what_waits_can_be_edited_cancelled_or_moved() {
        let mut outbox = with(2);
        let edited = outbox.edit(id(2), 1, "other".into()).unwrap();
        assert_eq!((edited.version, edited.rev), (2, 3));
        outbox.apply(&[edited]);
        assert_eq!(outbox.edit(id(2), 1, "late".into()).unwrap_err().code, ErrorCode::Conflict);
        outbox.apply(&outbox.follow(&[event(EventBody::MessageStarted { item: id(1) })]));
        assert_eq!(outbox.cancel(id(1)).unwrap_err().code, ErrorCode::Conflict);
        assert_eq!(outbox.reorder(id(1), None).unwrap_err().code, ErrorCode::Conflict);
        assert_eq!(
            outbox.edit(id(2), 2, "x".repeat(MESSAGE_BYTES + 1)).unwrap_err().code,
            ErrorCode::TooLarge
        );
        assert_eq!(outbox.edit(id(2), 2, "  ".into()).unwrap_err().code, ErrorCode::Invalid);
    }

    #[test]
    fn reordering_changes_places_and_nothing_else() {
        let mut outbox = with(3);
        outbox.apply(&outbox.reorder(id(3), Some(id(1))).unwrap());
        let order: Vec<ItemId> = outbox.queue().map(|item| item.id).collect();
        assert_eq!(order, [id(3), id(1), id(2)]);
        outbox.apply(&outbox.reorder(id(3), None).unwrap());
        let order: Vec<ItemId> = outbox.queue().map(|item| item.id).collect();
        assert_eq!(order, [id(1), id(2), id(3)]);
    }

    #[test]
    fn an_item_never_comes_back_from_its_end() {
        let outbox = with(1);
        let unknown = EventBody::MessageUnknown { item: id(1), why: Unknown::ToolsCalled, tools: vec![] };
        let changed = outbox.follow(&[event(unknown), event(EventBody::MessageStarted { item: id(1) })]);
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].state, ItemState::Unknown { why: Unknown::ToolsCalled });
    }

    proptest! {
        /// Whatever is sent, cancelled, moved and followed, revisions only grow and at most one ordinary message
        /// is under way.
        #[test]
        fn one_message_at_a_time(steps in prop::collection::vec((0..6u8, 1..12u128), 0..60)) {
            let mut outbox = Outbox::default();
            let mut handed = HashSet::new();
            let mut rev = 0;
            for (step, n) in steps {
                let changed = match step {
                    0 | 1 if !outbox.contains(id(n)) => {
                        outbox.add(id(n), message("hi"), stamp(0), &Summary::default()).map(|item| vec![item])
                    }
                    2 => outbox.cancel(id(n)).map(|item| vec![item]),
                    3 => outbox.reorder(id(n), None),
                    4 => {
                        let head: Vec<ItemId> =
                            outbox.to_hand_over(&Summary::default(), &handed).iter().map(|item| item.id).collect();
                        prop_assert!(head.len() <= 1);
                        handed.extend(&head);
                        Ok(outbox.follow(&head.iter().map(|item| event(EventBody::MessageStarted { item: *item })).collect::<Vec<_>>()))
                    }
                    _ => Ok(outbox.follow(&[event(EventBody::MessageEnded { item: id(n), how: MessageEnd::Nothing })])),
                };
                if let Ok(changed) = changed {
                    for item in &changed {
                        prop_assert!(item.rev > rev);
                        rev = item.rev;
                    }
                    outbox.apply(&changed);
                }
                let started = outbox.items.values().filter(|item| item.state == ItemState::Started).count();
                prop_assert!(started <= 1);
            }
        }
    }
}

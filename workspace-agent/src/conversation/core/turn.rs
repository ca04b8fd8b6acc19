//! Messages and the turns that they set off.

use protocol::close::ErrorCode;
use protocol::event::{MessageEnd, OpenTool, Person, ProcessEnd, Trouble, Unknown};
use protocol::link::{ActivityKind, Delivery};
use protocol::settings::Settings;
use protocol::{EventBody, ItemId, Millis, Position};

use super::{Asked, Conversation, Effect, MAX_RESENDS, MAX_START_FAILURES, Process, STOP_MS};
use crate::claude::events::Draft;
use crate::claude::outgoing;

/// How far a turn is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Its message waits for the process.
    Waiting,
    /// Its message is written to the process.
    Written,
    /// Claude works on it.
    Started,
}

/// A person's message, kept so that it can be given again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) item: ItemId,
    pub(super) text: String,
    /// Who sent it, and which message it repeats.
    pub(super) by: Person,
    pub(super) again_of: Option<ItemId>,
    /// The number of the event that says that it was taken.
    pub(super) taken_at: u64,
    /// Whether it was written into a turn that is lost, to steer it.
    pub(super) given: Given,
}

/// Whether a process was given a message before, and may have heard it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Given {
    Not,
    /// The CLI's own record says what became of it, if anything did.
    Before,
    /// The machine stopped since: that record, too, may have lost its end.
    BeforeReboot,
}

/// One turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// The message; none when Claude woke by itself.
    pub(super) message: Option<Message>,
    pub(super) phase: Phase,
    /// How often the message was given again.
    pub(super) resends: u32,
    /// A tool was called, or a call had begun: the turn may have had effects.
    pub(super) tools_called: bool,
    /// It was given, or had begun, when the machine stopped at once: a tool may have been called that nobody wrote down.
    pub(super) after_reboot: bool,
    /// The CLI called the message completed.
    pub(super) completed: bool,
    pub(super) stop_asked: bool,
    pub(super) force_stop_at: Option<Millis>,
    /// The turn was interrupted and is taken up again by the CLI itself.
    pub(super) continued: bool,
}

impl Turn {
    /// A turn for a message that waits.
    pub(super) const fn new(message: Message) -> Self {
        Self {
            phase: Phase::Waiting,
            // It is given again.
            resends: if matches!(message.given, Given::Not) { 0 } else { 1 },
            message: Some(message),
            tools_called: false,
            after_reboot: false,
            completed: false,
            stop_asked: false,
            force_stop_at: None,
            continued: false,
        }
    }

    /// A turn that was interrupted and is taken up again by the CLI itself.
    pub(super) const fn continued(message: ItemId, by: Person) -> Self {
        let message = Message {
            item: message,
            text: String::new(),
            by,
            again_of: None,
            taken_at: 0,
            given: Given::Not,
        };
        let mut turn = Self::new(message);
        turn.continued = true;
        turn.tools_called = true;
        turn
    }

    /// Whether the process has begun it, or may have done something for it.
    pub(super) fn is_begun(&self) -> bool {
        self.phase == Phase::Started || self.tools_called
    }

    /// A turn that the CLI began.
    pub(super) const fn begun_by_claude(message: Option<Message>) -> Self {
        Self {
            message,
            phase: Phase::Started,
            resends: 0,
            tools_called: false,
            after_reboot: false,
            completed: false,
            stop_asked: false,
            force_stop_at: None,
            continued: false,
        }
    }

    /// The message's id.
    pub(super) fn item(&self) -> Option<ItemId> {
        self.message.as_ref().map(|message| message.item)
    }
}

/// A message that was written into a running turn.
#[derive(Debug)]
pub(super) struct Steer {
    pub(super) message: Message,
    pub(super) started: bool,
}

impl Conversation {
    /// A person's message arrived.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        if self.is_repeat(delivery.item) {
            return;
        }
        if self.full {
            return self.settle(delivery.item, Some(ErrorCode::TooMany));
        }
        let Delivery { item, by, steer, again_of, text, settings, known, .. } = delivery;
        if steer && self.summary.unknown.is_some() && Self::is_news(known, self.unknown_at()) {
            // Its turn was lost, and whoever sent it did not know: that they would still want it nobody can tell.
            return self.settle(item, Some(ErrorCode::Conflict));
        }
        self.seen.insert(item);
        let running = self.turn.as_ref().is_some_and(|turn| turn.phase != Phase::Waiting);
        let steer = steer && running && self.process == Process::Live;
        let message = Message { item, text, by, again_of, taken_at: self.next_n, given: Given::Not };
        self.take_message(&message, steer);
        self.configure(settings, known);
        if steer {
            self.effects.push(Effect::Write(outgoing::message(item, &message.text)));
            self.steers.push(Steer { message, started: false });
        } else {
            self.waiting.push_back(message);
            self.advance();
        }
    }

    /// Writes down that the message is here.
    pub(super) fn take_message(&mut self, message: &Message, steer: bool) {
        let (item, by, again_of) = (message.item, message.by.clone(), message.again_of);
        self.append_draft(Draft::text(message.text.clone(), |content| EventBody::MessageTaken {
            item,
            by,
            content,
            steer,
            again_of,
        }));
    }

    /// Gives the turn's message to the process.
    pub(super) fn write_message(&mut self) {
        let Some(turn) = &mut self.turn else { return };
        let Some(message) = &turn.message else { return };
        turn.phase = Phase::Written;
        // From here on it may have begun, whether anybody hears of that or not.
        self.effects.push(Effect::MarkGiven(message.item));
        self.effects.push(Effect::Write(outgoing::message(message.item, &message.text)));
        self.watch.heard(self.now.mono);
        self.set_activity(ActivityKind::Requesting {});
    }

    /// The CLI works on a message of ours.
    pub(super) fn message_started(&mut self, item: ItemId) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.item() == Some(item)) {
            // What was not given yet can't have begun, whatever a line says.
            let given = turn.phase == Phase::Written || (turn.continued && turn.phase == Phase::Waiting);
            if given {
                turn.phase = Phase::Started;
                self.append(EventBody::MessageStarted { item });
            }
            return;
        }
        let new = |steer: &Steer| steer.message.item == item && !steer.started;
        let Some(at) = self.steers.iter().position(new) else { return };
        if self.turn.is_some() {
            self.steers[at].started = true;
        } else {
            // It came too late to steer and is a turn of its own.
            let steer = self.steers.remove(at);
            self.take_message(&steer.message, false);
            self.turn = Some(Turn::begun_by_claude(Some(steer.message)));
        }
        self.append(EventBody::MessageStarted { item });
    }

    /// The CLI is done with a message of ours. If it leaves no result, the probe's answer tells so.
    pub(super) fn message_completed(&mut self, item: ItemId) {
        if let Some(at) = self.steers.iter().position(|steer| steer.message.item == item) {
            let steer = self.steers.remove(at);
            if !steer.started {
                self.append(EventBody::MessageEnded { item, how: MessageEnd::Folded });
            }
            return;
        }
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.item() == Some(item) && !turn.completed) {
            turn.completed = true;
            self.request(Asked::Probe(item), &outgoing::initialize());
        }
    }

    /// The CLI will not do a message of ours, as it is with every interrupt. Unless a person wanted that, it is to be done all
    /// the same, later.
    pub(super) fn message_cancelled(&mut self, item: ItemId) {
        let wanted = self.stop_wanted;
        if let Some(at) = self.steers.iter().position(|steer| steer.message.item == item) {
            let steer = self.steers.remove(at);
            if wanted {
                self.append(EventBody::MessageEnded { item, how: MessageEnd::Stopped });
            } else {
                self.requeue(steer);
                self.advance();
            }
        } else if let Some(turn) = self.turn.as_mut().filter(|turn| turn.item() == Some(item)) {
            if wanted {
                self.end_turn_unanswered(MessageEnd::Stopped);
            } else if self.stopping {
                turn.phase = Phase::Waiting;
            } else {
                self.give_again(item);
            }
            self.advance();
        }
    }

    /// The CLI owes nothing. A turn that it has completed, or begun, has come to nothing then.
    pub(super) fn nothing_owed(&mut self) {
        let Some(turn) = &self.turn else { return };
        let continued = turn.continued && self.process == Process::Live;
        if !turn.completed && turn.phase != Phase::Started && !continued {
            return;
        }
        match (turn.item(), turn.resends) {
            (Some(item), 1..) if turn.completed => self.lose_message(item, Unknown::AnswerLost),
            _ => self.end_turn_unanswered(MessageEnd::Nothing),
        }
        self.advance();
    }

    /// Ends the turn; its message, if it has one, is done without a result.
    pub(super) fn end_turn_unanswered(&mut self, how: MessageEnd) {
        if let Some(turn) = self.turn.take()
            && let Some(item) = turn.item()
        {
            self.append(EventBody::MessageEnded { item, how });
        }
        self.set_activity(ActivityKind::None {});
    }

    /// A person wants the turn stopped.
    pub(super) fn stop(&mut self, item: ItemId, by: Person, message: Option<ItemId>) {
        if self.is_repeat(item) {
            return;
        }
        if let Some(at) = self.waiting.iter().position(|waiting| Some(waiting.item) == message)
            && let Some(waiting) = self.waiting.remove(at)
        {
            self.seen.insert(item);
            // In this order: a stop that is in the log has stopped it, whatever happens in between.
            self.append(EventBody::MessageEnded { item: waiting.item, how: MessageEnd::Stopped });
            self.append(EventBody::StopAsked { item, by, message });
            return;
        }
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.item() == message && !turn.stop_asked) else {
            self.settle(item, None);
            return;
        };
        self.seen.insert(item);
        turn.stop_asked = true;
        if turn.phase == Phase::Waiting {
            self.end_turn_unanswered(MessageEnd::Stopped);
            self.append(EventBody::StopAsked { item, by, message });
            self.advance();
        } else {
            turn.force_stop_at = Some(self.now.mono + STOP_MS);
            self.append(EventBody::StopAsked { item, by, message });
            self.stop_wanted = true;
            self.request(Asked::Interrupt, &outgoing::interrupt());
            self.set_activity(ActivityKind::Stopping {});
        }
    }

    /// Stop was asked and the turn goes on: end the process and all that descends from it.
    pub(super) fn force_stop(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.force_stop_at = None;
        }
        self.end_process(if self.stopping { ProcessEnd::WorkspaceStopped } else { ProcessEnd::Stopped });
    }

    /// A person wants an interrupted turn continued.
    pub(super) fn continue_turn(
        &mut self,
        item: ItemId,
        by: Person,
        message: ItemId,
        settings: Settings,
        known: Option<Position>,
    ) {
        if self.is_repeat(item) {
            return;
        }
        if self.summary.unknown != Some(message) || self.turn.is_some() || self.full || !self.is_here() {
            self.settle(item, Some(ErrorCode::Conflict));
            return;
        }
        self.seen.insert(item);
        self.append(EventBody::MessageContinued { message, item, by: by.clone() });
        self.configure(settings, known);
        self.turn = Some(Turn::continued(message, by));
        if self.process == Process::Live {
            self.end_process(ProcessEnd::Replaced);
        }
        self.advance();
    }

    /// The process is gone; the journal decides what becomes of the turn.
    pub(super) fn turn_lost_its_process(&mut self, why: ProcessEnd) {
        self.requeue_steers();
        let Some(turn) = &mut self.turn else { return };
        let Some(item) = turn.item() else {
            self.turn = None;
            return;
        };
        let stopped = turn.stop_asked || (why == ProcessEnd::WorkspaceStopped && turn.is_begun());
        match (turn.phase, turn.tools_called) {
            _ if stopped => self.end_turn_unanswered(MessageEnd::Stopped),
            _ if self.full => self.end_turn_unanswered(MessageEnd::Failed),
            (Phase::Waiting, _) if self.start_failures >= MAX_START_FAILURES => self.give_up(),
            (Phase::Waiting, _) => {}
            (Phase::Written | Phase::Started, true) => self.lose_message(item, Unknown::ToolsCalled),
            (Phase::Written | Phase::Started, false) if turn.after_reboot => {
                self.lose_message(item, Unknown::MachineStopped);
            }
            (Phase::Written | Phase::Started, false) => self.give_again(item),
        }
    }

    /// The turn's message came to nothing: the process is given it once more, if that was not tried often enough.
    fn give_again(&mut self, item: ItemId) {
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.resends < MAX_RESENDS) else {
            return self.lose_message(item, Unknown::KeepsDying);
        };
        turn.resends += 1;
        turn.phase = Phase::Waiting;
        turn.completed = false;
        let attempt = turn.resends;
        self.append(EventBody::MessageResent { item, attempt });
    }

    fn give_up(&mut self) {
        self.start_failures = 0;
        self.trouble(Trouble::CantStart, "Claude's process does not come up");
        self.end_turn_unanswered(MessageEnd::Failed);
    }

    const fn unknown_at(&self) -> Position {
        Position { epoch: self.epoch, n: self.summary.unknown_at }
    }

    pub(super) fn lose_message(&mut self, item: ItemId, why: Unknown) {
        self.turn = None;
        let tools: Vec<OpenTool> = self.open_calls.drain(..).take(16).collect();
        let unknown = EventBody::MessageUnknown { item, why, tools };
        self.unknown = Some(unknown.clone());
        self.append(unknown);
        self.set_activity(ActivityKind::None {});
    }

    /// What was written into a turn that is lost, and was not begun, becomes an ordinary message.
    fn requeue_steers(&mut self) {
        let steers = std::mem::take(&mut self.steers).into_iter().rev();
        steers.filter(|steer| !steer.started).for_each(|steer| self.requeue(steer));
    }

    fn requeue(&mut self, steer: Steer) {
        self.take_message(&steer.message, false);
        let given = steer.message.given.max(Given::Before);
        self.waiting.push_front(Message { given, ..steer.message });
    }

    /// The machine stopped: what came of messages that were given before, nobody knows.
    pub(super) fn doubt_given(&mut self) {
        for message in self.steers.iter_mut().map(|steer| &mut steer.message) {
            message.given = Given::BeforeReboot;
        }
        for message in self.waiting.iter_mut().filter(|message| message.given != Given::Not) {
            message.given = Given::BeforeReboot;
        }
    }
}

//! The fold that the list of conversations rests on.

use protocol::event::{MessageEnd, Outcome, ProcessEnd, SettingsChange, TurnResult, Usage};
use protocol::summary::{State, Summary};
use protocol::{Event, EventBody, ItemId, Millis};
use uuid::Uuid;

use crate::samples;

fn fold(bodies: Vec<EventBody>) -> Summary {
    let mut summary = Summary::default();
    for (n, body) in (1..).zip(bodies) {
        summary.apply(&Event { n, at: Millis::from(n), body });
    }
    summary
}

fn result(items: Vec<ItemId>, cost_usd: f64) -> EventBody {
    let outcome = Outcome::Completed;
    EventBody::Result(TurnResult {
        items,
        outcome,
        error: None,
        duration_ms: 1,
        cost_usd,
        usage: Usage::default(),
    })
}

#[test]
fn a_turn_begins_and_ends() {
    let item = samples::item();
    let started = fold(vec![EventBody::MessageStarted { item }, EventBody::State { state: State::Working }]);
    assert_eq!((started.state, started.current), (State::Working, Some(item)));
    let ended = fold(vec![EventBody::MessageStarted { item }, result(vec![item], 0.5), result(vec![], 0.25)]);
    assert_eq!((ended.current, ended.cost_usd), (None, 0.75));
    let stopped = fold(vec![
        EventBody::MessageStarted { item },
        EventBody::MessageEnded { item, how: MessageEnd::Stopped },
    ]);
    assert_eq!(stopped.current, None);
}

#[test]
fn prompts_are_open_until_answered_withdrawn_or_lost() {
    let asked = EventBody::PromptAsked(samples::prompt());
    assert_eq!(fold(vec![asked.clone(), asked.clone()]).prompts.len(), 1);
    let closers = samples::events().into_iter().map(|event| event.body).filter(|body| {
        matches!(
            body,
            EventBody::PromptAnswered { .. }
                | EventBody::PromptWithdrawn { .. }
                | EventBody::ProcessEnded { .. }
        )
    });
    for closer in closers {
        assert!(fold(vec![asked.clone(), closer]).prompts.is_empty());
    }
}

#[test]
fn an_unknown_message_stays_until_someone_deals_with_it() {
    let item = samples::item();
    let mut samples = samples::events().into_iter().map(|event| event.body);
    let unknown = samples.find(|body| matches!(body, EventBody::MessageUnknown { .. })).unwrap();
    assert_eq!(fold(vec![unknown.clone(), result(vec![], 0.0)]).unknown, Some(item));
    assert_eq!(fold(vec![unknown, EventBody::MessageStarted { item: ItemId(Uuid::nil()) }]).unknown, None);
}

#[test]
fn a_message_that_steers_is_not_the_one_that_is_worked_on() {
    let (item, steer) = (samples::item(), ItemId(Uuid::nil()));
    let started = |item| EventBody::MessageStarted { item };
    assert_eq!(fold(vec![started(item), started(steer)]).current, Some(item));
    assert_eq!(fold(vec![started(item), result(vec![item], 0.0), started(steer)]).current, Some(steer));
}

#[test]
fn a_new_epoch_leaves_nothing_open_but_what_the_workspace_holds() {
    let item = samples::item();
    let before = || {
        let state = EventBody::State { state: State::Waiting };
        vec![EventBody::MessageStarted { item }, EventBody::PromptAsked(samples::prompt()), state]
    };
    let began = |held| EventBody::EpochBegan { held, lost: true };
    let lost = fold(before().into_iter().chain([began(vec![])]).collect());
    assert_eq!((lost.state, lost.current, lost.unknown, lost.unknown_at), (State::Idle, None, Some(item), 4));
    assert!(lost.prompts.is_empty());
    let held = fold(before().into_iter().chain([began(vec![item])]).collect());
    assert_eq!((held.current, held.unknown), (Some(item), None));
}

#[test]
fn a_negative_cost_is_not_believed() {
    assert_eq!(fold(vec![result(vec![], -5.0)]).cost_usd, 0.0);
}

#[test]
fn a_conversation_that_is_put_to_sleep_is_as_old_as_it_was() {
    let ended = |why| EventBody::ProcessEnded { why, detail: String::new() };
    let restarted = EventBody::SettingsChanged {
        settings: protocol::settings::Settings::default(),
        why: SettingsChange::Restarted,
    };
    let asleep = fold(vec![result(vec![], 0.5), ended(ProcessEnd::Idle), restarted]);
    assert_eq!(asleep.last_at, 1);
    let died = fold(vec![result(vec![], 0.5), ended(ProcessEnd::Died)]);
    assert_eq!(died.last_at, 2);
    // Whatever comes first says that there is a log.
    assert_eq!(fold(vec![ended(ProcessEnd::Idle)]).last_at, 1);
}

#[test]
fn a_process_counts_until_it_ends_or_its_journal_is_lost() {
    let kinds: Vec<EventBody> = samples::events().into_iter().map(|event| event.body).collect();
    let one = |is: fn(&EventBody) -> bool| kinds.iter().find(|body| is(body)).unwrap().clone();
    let started = one(|body| matches!(body, EventBody::ProcessStarted { .. }));
    let ended = one(|body| matches!(body, EventBody::ProcessEnded { .. }));
    let lost = EventBody::EpochBegan { held: vec![], lost: true };
    assert!(fold(vec![started.clone()]).process);
    assert!(!fold(vec![started.clone(), ended]).process);
    assert!(!fold(vec![started, lost]).process);
}

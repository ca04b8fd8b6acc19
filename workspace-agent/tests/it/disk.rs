//! A journal that can't be written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::link::Delivery;
use protocol::settings::Settings;
use protocol::{ConversationId, ItemId, Position};
use serde_json::json;
use uuid::Uuid;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Input, Now};
use workspace_agent::conversation::journal::medium::{Medium, OnDisk};
use workspace_agent::conversation::journal::{Journal, Record};
use workspace_agent::conversation::keeper::{Act, Keeper};

use crate::desk::{kind, person};

/// A disk that takes nothing more while it is full.
#[derive(Debug)]
struct Filled {
    disk: OnDisk,
    full: Arc<AtomicBool>,
}

impl Medium for Filled {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn replace(&self, content: &[u8]) -> io::Result<Arc<dyn Medium>> {
        self.disk.replace(content)
    }
}

fn hear(keeper: &mut Keeper, line: serde_json::Value) {
    keeper.feed(Now::default(), Input::Line(Line::parse(&line.to_string())));
}

fn acts(keeper: &mut Keeper) -> Vec<Act> {
    std::iter::from_fn(|| keeper.next_act().unwrap()).collect()
}

#[test]
fn a_stop_ends_the_process_though_nothing_can_be_written_and_all_of_it_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let medium = Arc::new(Filled { disk: OnDisk::open(dir.path()).unwrap(), full: Arc::clone(&full) });
    let (id, item) = (ConversationId(Uuid::from_u128(0xC0)), ItemId(Uuid::from_u128(1)));
    let mut keeper = Keeper::open(id, crate::desk::POLICY, medium, [7; 16], Arc::default()).unwrap();
    keeper.join(Now::default(), Position::default(), 1);
    let (settings, text) = (Settings::default(), "work".to_owned());
    let delivery = Delivery {
        conversation: id,
        item,
        by: person(),
        text,
        steer: false,
        again_of: None,
        settings,
        known: None,
    };
    keeper.feed(Now::default(), Input::Deliver(delivery));
    assert!(acts(&mut keeper).iter().any(|act| matches!(act, Act::Spawn(_))));
    let up = json!({ "subtype": "success", "request_id": "atelier-1", "response": {} });
    hear(&mut keeper, json!({ "type": "control_response", "response": up }));
    acts(&mut keeper);

    full.store(true, Ordering::Relaxed);
    hear(&mut keeper, json!({ "type": "system", "subtype": "informational", "content": "too much" }));
    assert!(keeper.next_act().is_err());
    assert!(!keeper.take_terminate());
    let stop = Input::Stop { item: ItemId(Uuid::from_u128(2)), by: person(), message: Some(item) };
    keeper.feed(Now::default(), stop);
    assert!(keeper.next_act().is_err());
    let at = keeper.deadline().unwrap();
    keeper.feed(Now { wall: at, mono: at }, Input::Tick);
    assert!(keeper.next_act().is_err());
    assert!(keeper.take_terminate() && !keeper.take_terminate());
    keeper.feed(Now { wall: at, mono: at }, Input::Exited { detail: "ended by signal 9".to_owned() });

    full.store(false, Ordering::Relaxed);
    assert!(!acts(&mut keeper).contains(&Act::Terminate));
    let (_, records) = Journal::open(dir.path()).unwrap();
    let events = records
        .iter()
        .filter_map(|record| if let Record::Event(event, _) = record { Some(kind(event)) } else { None });
    let told: Vec<String> = events.collect();
    let order =
        ["note", "stop_asked", "message_ended"].map(|wanted| told.iter().position(|kind| kind == wanted));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{told:?}");
}

//! A terminal with its workspace-agent, a link that breaks, and viewers of every kind, around the fan: whatever happens, what
//! a viewer shows is what was printed.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use protocol::frame::{Frame, decode};
use protocol::limits::{CREDIT_BYTES, OUTPUT_BYTES, RING_BYTES};
use protocol::terminal::Size;
use uuid::Uuid;

use super::*;

const TERMINAL: TerminalId = TerminalId(Uuid::nil());
const SIZE: Size = Size { cols: 80, rows: 24 };
/// Parts of a snapshot.
const PARTS: u32 = 3;

/// What the terminal prints at this offset.
#[expect(clippy::cast_possible_truncation, reason = "a pattern with a long period")]
fn printed(offset: u64) -> u8 {
    (offset ^ (offset >> 7) ^ (offset >> 15)) as u8
}

/// The workspace-agent and the program.
#[derive(Default)]
struct Agent {
    printed: u64,
    watch: Option<Watch>,
    /// On its way to the control plane.
    link: VecDeque<Vec<u8>>,
}

struct Watch {
    sent: u64,
    credit: u64,
}

impl Agent {
    /// The program prints as much as it may.
    fn print(&mut self, bytes: u64) {
        let may = self.watch.as_ref().map_or(bytes, |watch| watch.credit.saturating_sub(self.printed));
        self.printed += bytes.min(may);
        self.send();
    }

    fn hear(&mut self, ask: Ask) {
        match ask {
            Ask::Watch { from, window } => {
                let start = self.printed.saturating_sub(RING_BYTES as u64);
                let sent = match from {
                    Some(from) if from >= start && from <= self.printed => from,
                    Some(_) | None => {
                        self.snapshot();
                        self.printed
                    }
                };
                self.watch = Some(Watch { sent, credit: sent + window as u64 });
            }
            Ask::Unwatch => self.watch = None,
            Ask::Credit(upto) => {
                if let Some(watch) = &mut self.watch {
                    watch.credit = watch.credit.max(upto);
                }
            }
            Ask::Snapshot => self.snapshot(),
        }
        self.send();
    }

    fn snapshot(&mut self) {
        for part in 0..PARTS {
            let frame = TerminalFrame::Snapshot {
                offset: self.printed,
                size: SIZE,
                part,
                parts: PARTS,
                bytes: &self.printed.to_be_bytes(),
            };
            self.link.push_back(encode_terminal(TERMINAL, &frame));
        }
    }

    fn send(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        while watch.sent < self.printed.min(watch.credit) {
            let end = self.printed.min(watch.credit).min(watch.sent + OUTPUT_BYTES as u64);
            let bytes: Vec<u8> = (watch.sent..end).map(printed).collect();
            let frame = TerminalFrame::Output { offset: watch.sent, bytes: &bytes };
            self.link.push_back(encode_terminal(TERMINAL, &frame));
            watch.sent = end;
        }
    }
}

/// A page.
#[derive(Default)]
struct Page {
    attached: bool,
    /// What it shows; nothing before its first snapshot.
    has: Option<u64>,
    /// The next part of the snapshot that comes.
    part: u32,
    snapshots: usize,
    acked: u64,
}

impl Page {
    fn take(&mut self, frame: &[u8]) {
        match decode(frame).unwrap() {
            Frame::Terminal(TERMINAL, TerminalFrame::Output { offset, bytes }) => {
                assert_eq!((self.has, self.part), (Some(offset), 0), "a gap, or bytes that come twice");
                assert!(bytes.iter().zip(offset..).all(|(byte, offset)| *byte == printed(offset)));
                self.has = Some(offset + bytes.len() as u64);
            }
            Frame::Terminal(TERMINAL, TerminalFrame::Snapshot { offset, part, parts, bytes, .. }) => {
                if part == 0 {
                    // It may begin anew in the middle of another one.
                    self.part = 0;
                    self.snapshots += 1;
                }
                assert_eq!((part, parts), (self.part, PARTS));
                assert_eq!(bytes, offset.to_be_bytes());
                self.part += 1;
                if self.part == parts {
                    (self.has, self.part) = (Some(offset), 0);
                }
            }
            other @ (Frame::Events(_) | Frame::Chunk(_) | Frame::Terminal(..) | Frame::Unknown(_)) => {
                panic!("{other:?}")
            }
        }
    }

    /// What it may say that it has: nothing in the middle of a snapshot.
    fn have(&self) -> Option<u64> {
        self.has.filter(|_| self.part == 0)
    }
}

/// All of it.
struct World {
    agent: Agent,
    fan: Fan,
    pages: BTreeMap<Seat, Page>,
    linked: bool,
    now: Instant,
}

impl World {
    fn new(pages: u64) -> Self {
        let pages = (0..pages).map(|seat| (Seat(seat), Page::default())).collect();
        let mut world = Self {
            agent: Agent::default(),
            fan: Fan::new(TERMINAL),
            pages,
            linked: false,
            now: Instant::now(),
        };
        world.link();
        world
    }

    fn asks(&mut self) {
        for ask in self.fan.asks() {
            assert!(self.linked, "{ask:?} without a link");
            self.agent.hear(ask);
        }
    }

    fn link(&mut self) {
        self.linked = true;
        self.fan.linked(self.now);
        self.asks();
    }

    /// Whatever is under way is lost.
    fn cut(&mut self) {
        self.linked = false;
        (self.agent.watch, self.agent.link) = (None, VecDeque::new());
        self.fan.unlinked();
    }

    fn attach(&mut self, seat: Seat) {
        let page = self.pages.get_mut(&seat).unwrap();
        page.attached = true;
        (page.acked, page.part) = (page.have().unwrap_or_default(), 0);
        let have = page.have();
        self.fan.attach(seat, have, self.now);
        self.asks();
    }

    fn detach(&mut self, seat: Seat) {
        self.pages.get_mut(&seat).unwrap().attached = false;
        self.fan.detach(seat, self.now);
        self.asks();
    }

    /// Delivers what is under way on the link. Whether there was anything.
    fn deliver(&mut self, most: usize) -> bool {
        let some = !self.agent.link.is_empty();
        for _ in 0..most {
            let Some(frame) = self.agent.link.pop_front() else { break };
            let Frame::Terminal(TERMINAL, inner) = decode(&frame).unwrap() else { panic!() };
            match inner {
                TerminalFrame::Output { offset, bytes } => self.fan.output(offset, bytes, self.now),
                TerminalFrame::Snapshot { offset, part, parts, .. } => {
                    self.fan.part(offset, (part, parts), frame.clone().into(), self.now);
                }
                TerminalFrame::Input { .. }
                | TerminalFrame::Ack { .. }
                | TerminalFrame::Credit { .. }
                | TerminalFrame::Taken { .. } => panic!("{inner:?}"),
            }
            self.asks();
        }
        some
    }

    /// Has a page take what there is for it. Whether there was anything.
    fn fetch(&mut self, seat: Seat, most: usize) -> bool {
        let mut some = false;
        for _ in 0..most {
            let frame = self.fan.next(seat, self.now);
            self.asks();
            let Some(frame) = frame else { break };
            some = true;
            let page = self.pages.get_mut(&seat).unwrap();
            page.take(&frame);
            let under_way = page.has.unwrap_or_default().saturating_sub(page.acked);
            if page.snapshots == 0 {
                assert!(under_way <= CREDIT_BYTES as u64, "{under_way} bytes are under way");
            }
        }
        some
    }

    fn ack(&mut self, seat: Seat) {
        let page = self.pages.get_mut(&seat).unwrap();
        if let Some(have) = page.have() {
            page.acked = have;
            self.fan.acked(seat, have, self.now);
            self.asks();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.fan.settle(self.now);
        self.asks();
    }

    /// One that is quick takes everything until there is nothing more, while the program prints so much in all.
    fn run(&mut self, quick: &[Seat], until: u64) {
        for _ in 0..1_000_000 {
            self.agent.print(until - self.agent.printed.min(until));
            let mut some = self.deliver(8);
            for seat in quick {
                some |= self.fetch(*seat, 8);
                self.ack(*seat);
            }
            if !some && self.agent.printed == until && self.agent.link.is_empty() {
                return;
            }
            self.pass(Duration::from_millis(1));
        }
        panic!("it never ends: {} of {until} were printed", self.agent.printed);
    }
}

const ONE: Seat = Seat(0);
const OTHER: Seat = Seat(1);

#[test]
fn a_viewer_that_stops_moves_nobody() {
    let mut world = World::new(2);
    world.attach(ONE);
    world.attach(OTHER);
    world.run(&[ONE, OTHER], 1000);
    // The other never takes anything again.
    let total = 20 * RING_BYTES as u64;
    world.run(&[ONE], total);
    assert_eq!(world.pages[&ONE].has, Some(total));
    assert_eq!(world.pages[&ONE].snapshots, 1, "the quick one skipped nothing");
    // When it comes back, it gets the screen, and then what follows.
    world.run(&[ONE, OTHER], total + 5000);
    assert_eq!(world.pages[&OTHER].has, Some(total + 5000));
    assert_eq!(world.pages[&OTHER].snapshots, 2);
}

#[test]
fn a_quick_viewer_whom_the_program_waits_for_gets_a_larger_window() {
    let mut world = World::new(1);
    world.attach(ONE);
    world.run(&[ONE], 20 * RING_BYTES as u64);
    assert!(world.fan.places[&ONE].pace.window() >= CREDIT_BYTES / 2);
}

#[test]
fn a_viewer_that_takes_and_never_acknowledges_gets_one_snapshot_and_a_window() {
    let mut world = World::new(2);
    world.attach(ONE);
    world.attach(OTHER);
    let mut taken = 0;
    for _ in 0..2000 {
        world.agent.print(100_000);
        world.deliver(100);
        world.fetch(ONE, 100);
        world.ack(ONE);
        while let Some(frame) = world.fan.next(OTHER, world.now) {
            taken += frame.len();
            world.asks();
        }
        world.pass(Duration::from_millis(10));
    }
    assert!(world.agent.printed > 50 * RING_BYTES as u64);
    assert!(taken < CREDIT_BYTES, "{taken}");
}

#[test]
fn a_terminal_whose_only_viewer_is_dead_goes_on_without_it() {
    let mut world = World::new(1);
    world.attach(ONE);
    world.run(&[ONE], 1000);
    world.agent.print(u64::MAX >> 16);
    assert!(world.agent.printed < 2 * CREDIT_BYTES as u64, "it waits for its viewer");
    world.deliver(usize::MAX);
    world.pass(PATIENCE);
    world.agent.print(1 << 30);
    assert!(world.agent.printed > 1 << 30, "it does not wait for a dead one");
    // And when it lives after all, it sees the screen.
    let printed = world.agent.printed;
    world.run(&[ONE], printed + 10);
    assert_eq!(world.pages[&ONE].has, Some(printed + 10));
}

#[test]
fn a_reload_goes_on_from_where_it_was_and_so_does_a_restarted_control_plane() {
    let mut world = World::new(1);
    world.attach(ONE);
    world.run(&[ONE], 100_000);
    world.detach(ONE);
    world.agent.print(RING_BYTES as u64 / 2);
    world.attach(ONE);
    let end = world.agent.printed + 1000;
    world.run(&[ONE], end);
    // The control plane is killed, and another one comes, which knows nothing.
    world.cut();
    world.fan = Fan::new(TERMINAL);
    world.agent.print(5000);
    world.link();
    world.attach(ONE);
    world.run(&[ONE], end + 6000);
    assert_eq!(world.pages[&ONE].has, Some(end + 6000));
    assert_eq!(world.pages[&ONE].snapshots, 1, "only the first time");
}

#[test]
fn acknowledging_what_was_never_sent_is_of_no_use() {
    let mut world = World::new(1);
    world.attach(ONE);
    world.run(&[ONE], 10);
    world.fan.acked(ONE, u64::MAX, world.now);
    world.asks();
    world.agent.print(u64::MAX >> 16);
    assert!(world.agent.printed < 2 * CREDIT_BYTES as u64);
}

#[test]
fn a_viewer_that_has_what_was_never_printed_gets_the_screen() {
    let mut world = World::new(1);
    world.run(&[], 1000);
    world.pages.get_mut(&ONE).unwrap().has = Some(1 << 40);
    world.attach(ONE);
    world.run(&[ONE], 2000);
    assert_eq!((world.pages[&ONE].has, world.pages[&ONE].snapshots), (Some(2000), 1));
}

#[derive(Clone, Debug)]
enum Step {
    Print(u64),
    Deliver(usize),
    Fetch(u64, usize),
    Ack(u64),
    Attach(u64),
    Detach(u64),
    Cut,
    Link,
    Restart,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..400_000u64).prop_map(Step::Print),
        8 => (1..40usize).prop_map(Step::Deliver),
        8 => (0..3u64, 1..40usize).prop_map(|(seat, most)| Step::Fetch(seat, most)),
        6 => (0..3u64).prop_map(Step::Ack),
        3 => (0..3u64).prop_map(Step::Attach),
        1 => (0..3u64).prop_map(Step::Detach),
        1 => Just(Step::Cut),
        2 => Just(Step::Link),
        1 => Just(Step::Restart),
        2 => (1..5000u64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens: pages show what was printed, without a gap but for snapshots, and nothing twice; and whoever is
    /// quick at last sees everything.
    #[test]
    fn what_is_shown_is_what_was_printed(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new(3);
        for step in steps {
            match step {
                Step::Print(bytes) => world.agent.print(bytes),
                Step::Deliver(most) => { world.deliver(most); }
                Step::Fetch(seat, most) => if world.pages[&Seat(seat)].attached {
                    world.fetch(Seat(seat), most);
                }
                Step::Ack(seat) => world.ack(Seat(seat)),
                Step::Attach(seat) => world.attach(Seat(seat)),
                Step::Detach(seat) => world.detach(Seat(seat)),
                Step::Cut => world.cut(),
                Step::Link => if !world.linked { world.link() },
                Step::Restart => {
                    world.cut();
                    world.fan = Fan::new(TERMINAL);
                    world.pages.values_mut().for_each(|page| page.attached = false);
                }
                Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
            }
        }
        if !world.linked {
            world.link();
        }
        world.attach(ONE);
        let until = world.agent.printed + 1_000_000;
        world.run(&[ONE], until);
        prop_assert_eq!(world.pages[&ONE].has, Some(until));
    }
}

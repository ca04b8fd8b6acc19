//! Streams of messages through a server: who sends on a workspace's link, who watches, and how long each message took
//! from the one to the other.
//!
//! Every message carries when it was sent and its number. Whoever watches checks that none is missing, none comes twice
//! and none overtakes another: a server that is quick because it loses messages is broken.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::PATIENCE;
use e2e::impostor::Link;
use e2e::viewer::Socket;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::frame::encode_events;
use protocol::link::{Delta, FromAgent, LiveKind};
use protocol::payload::Payload;
use protocol::{BlockId, ConversationId, Event, EventBody};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::Message;

use crate::machine::{Busy, Watch};
use crate::stats::Samples;
use crate::target::{Kind, Target};
use crate::world::Person;

/// The size of a message: an event as the workspace-agent writes it, or a relay's bytes.
const MESSAGE_BYTES: usize = 200;
/// How many connections are opened at a time.
const TOGETHER: usize = 64;

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(BEGINNING.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Numbered events, which the control plane stores. To a relay: as many bytes.
    Events,
    /// Live text, which nobody stores. To a relay: as many bytes.
    Live,
}

/// How much of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// What.
    pub what: What,
    /// How many streams, the first ones.
    pub streams: usize,
    /// Messages a second, each.
    pub rate: f64,
    /// For how long.
    pub lasting: Duration,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long each message took to each viewer, in seconds.
    pub latencies: Samples,
    /// Messages sent.
    pub sent: f64,
    /// How busy everybody was.
    pub busy: Busy,
}

impl Outcome {
    /// Server CPU a message, in seconds.
    pub fn cpu_a_message(&self) -> f64 {
        self.busy.server / self.sent
    }
}

impl Extend<Self> for Outcome {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, outcomes: T) {
        for outcome in outcomes {
            self.latencies.extend(outcome.latencies);
            self.sent += outcome.sent;
            self.busy = self.busy.and(outcome.busy);
        }
    }
}

/// The streams through one server.
#[derive(Debug)]
pub struct Streams {
    target: Target,
    streams: Vec<Stream>,
    tasks: JoinSet<()>,
    /// Why the measurement is void, if it is.
    fault: Arc<Mutex<Option<String>>>,
}

/// One workspace's.
#[derive(Debug)]
struct Stream {
    person: Arc<Person>,
    sink: Option<SplitSink<Link, Message>>,
    speech: Speech,
    viewers: Vec<Arc<Heard>>,
}

/// What one viewer has heard.
#[derive(Debug, Default)]
struct Heard(Mutex<Hearing>);

#[derive(Debug, Default)]
struct Hearing {
    /// Messages from before it came are history to it.
    joined: u64,
    last: u64,
    latencies: Vec<u64>,
}

/// What the next message will be.
#[derive(Clone, Debug)]
struct Speech {
    kind: Kind,
    conversation: ConversationId,
    number: u64,
    event: u64,
    block: u64,
    at: u64,
}

impl Streams {
    /// No streams through it yet.
    pub fn through(target: Target) -> Self {
        Self { target, streams: Vec::new(), tasks: JoinSet::new(), fault: Arc::default() }
    }

    /// The server.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Connects people whose link and one viewer are not connected yet.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn connect(&mut self, people: &[Arc<Person>]) -> anyhow::Result<()> {
        for some in people.chunks(TOGETHER) {
            let opening = some.iter().map(|person| async {
                let link = self.target.address().open_link(person).await?;
                let mut viewer = self.target.address().open_viewer(person).await?;
                self.target.address().follow(&mut viewer, person).await?;
                anyhow::Ok((Arc::clone(person), link, viewer))
            });
            for (person, link, viewer) in futures_util::future::try_join_all(opening).await? {
                let speech = Speech::new(self.target.address().kind, person.conversation, person.logged);
                let (sink, stream) = link.split();
                self.tasks.spawn(listen(stream, Arc::clone(&self.fault)));
                self.streams.push(Stream { person, sink: Some(sink), speech, viewers: Vec::new() });
                let index = self.streams.len() - 1;
                self.seat(index, viewer);
            }
        }
        Ok(())
    }

    /// Has more viewers watch the first stream.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn add_viewers(&mut self, count: usize) -> anyhow::Result<()> {
        let person = Arc::clone(&self.streams.first().context("there is no stream")?.person);
        for some in vec![(); count].chunks(TOGETHER) {
            let opening = some.iter().map(|()| async {
                let mut viewer = self.target.address().open_viewer(&person).await?;
                self.target.address().follow(&mut viewer, &person).await?;
                anyhow::Ok(viewer)
            });
            for viewer in futures_util::future::try_join_all(opening).await? {
                self.seat(0, viewer);
            }
        }
        Ok(())
    }

    fn seat(&mut self, index: usize, viewer: Socket) {
        let stream = &mut self.streams[index];
        let heard = Arc::new(Heard::default());
        {
            let mut hearing = heard.lock();
            hearing.joined = stream.speech.number;
            hearing.last = hearing.joined;
        }
        stream.viewers.push(Arc::clone(&heard));
        self.tasks.spawn(watch(viewer, heard, Arc::clone(&self.fault)));
    }

    /// Puts a load on the server and waits until everybody has heard everything.
    ///
    /// # Errors
    /// When a message is lost, comes twice or too late, or a connection breaks.
    pub async fn run(&mut self, load: Load) -> anyhow::Result<Outcome> {
        let watch = Watch::begin(self.target.pid()?)?;
        let beginning = tokio::time::Instant::now();
        let mut sending = JoinSet::new();
        for (index, stream) in self.streams.iter_mut().take(load.streams).enumerate() {
            let sink = stream.sink.take().context("a stream's link is gone")?;
            #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
            let phase = Duration::from_secs_f64(index as f64 / load.streams as f64 / load.rate);
            let mut speech = stream.speech.clone();
            speech.begin();
            sending.spawn(async move { (index, send(sink, speech, load, beginning + phase).await) });
        }
        let mut sent = 0;
        while let Some(done) = sending.join_next().await {
            let (index, done) = done?;
            let (sink, speech) = done?;
            let stream = &mut self.streams[index];
            sent += speech.number - stream.speech.number;
            stream.sink = Some(sink);
            stream.speech = speech;
        }
        self.everything_heard().await?;
        let busy = watch.end()?;
        let mut latencies = Samples::new();
        for viewer in self.streams.iter().flat_map(|stream| &stream.viewers) {
            #[expect(clippy::cast_precision_loss, reason = "a latency in nanoseconds is far below 2^52")]
            latencies.extend(viewer.lock().latencies.drain(..).map(|nanos| nanos as f64 / 1e9));
        }
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        Ok(Outcome { latencies, sent: sent as f64, busy })
    }

    async fn everything_heard(&self) -> anyhow::Result<()> {
        let behind = || {
            let mut all = self.streams.iter().flat_map(|stream| {
                stream.viewers.iter().map(|viewer| (viewer.lock().last, stream.speech.number))
            });
            all.find(|(heard, said)| heard != said)
        };
        let give_up_at = Instant::now() + PATIENCE;
        while let Some((heard, said)) = behind() {
            if let Some(fault) = lock(&self.fault).clone() {
                anyhow::bail!("{fault}");
            }
            anyhow::ensure!(Instant::now() < give_up_at, "a viewer has heard {heard} of {said} messages");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Ends the server and everything that was connected to it.
    pub async fn end(mut self) {
        self.tasks.shutdown().await;
        drop(self.streams);
        self.target.end(nix::sys::signal::Signal::SIGKILL).await;
    }
}

async fn send(
    mut sink: SplitSink<Link, Message>,
    mut speech: Speech,
    load: Load,
    first: tokio::time::Instant,
) -> anyhow::Result<(SplitSink<Link, Message>, Speech)> {
    let end = first + load.lasting;
    let mut ticks = interval_at(first, Duration::from_secs_f64(1.0 / load.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while ticks.tick().await < end {
        sink.send(speech.next(load.what)?).await?;
    }
    if load.what == What::Live
        && let Some(end) = speech.end_of_live()?
    {
        sink.send(end).await?;
    }
    Ok((sink, speech))
}

/// Reads what the control plane says to a workspace-agent.
async fn listen(mut stream: SplitStream<Link>, fault: Arc<Mutex<Option<String>>>) {
    while let Some(Ok(message)) = stream.next().await {
        if message.is_close() {
            break;
        }
    }
    lock(&fault).get_or_insert("a link has ended".to_owned());
}

async fn watch(mut socket: Socket, heard: Arc<Heard>, fault: Arc<Mutex<Option<String>>>) {
    let why = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Err(error) = heard.take(text.as_bytes()) {
                    break error.to_string();
                }
            }
            Some(Ok(Message::Binary(bytes))) => {
                if let Err(error) = heard.take(&bytes) {
                    break error.to_string();
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => break "a viewer's socket has ended".to_owned(),
        }
    };
    lock(&fault).get_or_insert(why);
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Hearing> {
        lock(&self.0)
    }

    /// Takes every message in a frame.
    fn take(&self, frame: &[u8]) -> anyhow::Result<()> {
        let now = now();
        let mut hearing = self.lock();
        let joined = hearing.joined;
        for (sent, number) in marks(frame).filter(|(_, number)| *number > joined) {
            anyhow::ensure!(number == hearing.last + 1, "after message {} comes {number}", hearing.last);
            hearing.last = number;
            hearing.latencies.push(now.saturating_sub(sent));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every message carries: when it was sent and its number, found again in whatever the server makes of it.
fn mark(number: u64) -> String {
    format!("@{:020}#{number:010}", now())
}

fn marks(frame: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let digits = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
    let starts = frame.iter().enumerate().filter(|(_, byte)| **byte == b'@');
    starts.filter_map(move |(at, _)| {
        Some((digits(frame.get(at + 1..at + 21)?)?, digits(frame.get(at + 22..at + 32)?)?))
    })
}

impl Speech {
    const fn new(kind: Kind, conversation: ConversationId, event: u64) -> Self {
        Self { kind, conversation, number: 0, event, block: 0, at: 0 }
    }

    /// A new block of live text from here on.
    const fn begin(&mut self) {
        self.block += 1;
        self.at = 0;
    }

    fn next(&mut self, what: What) -> anyhow::Result<Message> {
        self.number += 1;
        match (self.kind, what) {
            (Kind::Relay, What::Events | What::Live) => {
                Ok(Message::binary(padded(mark(self.number), MESSAGE_BYTES).into_bytes()))
            }
            (Kind::Atelier, What::Events) => self.next_event(),
            (Kind::Atelier, What::Live) => self.next_delta(),
        }
    }

    fn next_event(&mut self) -> anyhow::Result<Message> {
        self.event += 1;
        let json = event(self.event, mark(self.number), MESSAGE_BYTES)?;
        let lines = std::iter::once(json.as_str());
        Ok(Message::binary(encode_events(self.conversation, 1, self.event, lines)))
    }

    fn next_delta(&mut self) -> anyhow::Result<Message> {
        let delta = |text: String| Delta {
            conversation: self.conversation,
            block: live_block(self.block),
            what: LiveKind::Text {},
            parent: None,
            at: self.at,
            text,
        };
        let bare = serde_json::to_string(&FromAgent::Delta(delta(String::new())))?.len();
        let text = padded(mark(self.number), MESSAGE_BYTES.saturating_sub(bare));
        let length = text.len() as u64;
        let message = Message::text(serde_json::to_string(&FromAgent::Delta(delta(text)))?);
        self.at += length;
        Ok(message)
    }

    /// Takes the live text back, so that the next load finds none.
    fn end_of_live(&self) -> anyhow::Result<Option<Message>> {
        if self.kind == Kind::Relay {
            return Ok(None);
        }
        let retract =
            FromAgent::Retract { conversation: self.conversation, block: Some(live_block(self.block)) };
        Ok(Some(Message::text(serde_json::to_string(&retract)?)))
    }
}

fn live_block(number: u64) -> BlockId {
    BlockId::clipped(&format!("live-{number}"))
}

fn padded(mut text: String, bytes: usize) -> String {
    while text.len() < bytes {
        text.push('x');
    }
    text
}

/// A finished block of Claude's text as an event of so many bytes.
///
/// # Errors
/// When it can't be written.
pub fn event(n: u64, text: String, bytes: usize) -> anyhow::Result<String> {
    let block = BlockId::clipped(&format!("b{n}"));
    let at = control_plane::clock::now();
    let with = |text: String| {
        let text = Payload::Text(text);
        let body = EventBody::Text { block: block.clone(), text, parent: None, aborted: false };
        serde_json::to_string(&Event { n, at, body })
    };
    let bare = with(String::new())?.len();
    Ok(with(padded(text, bytes.saturating_sub(bare)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_found_again_and_has_its_size() {
        let mut speech = Speech::new(Kind::Atelier, ConversationId(uuid::Uuid::nil()), 0);
        speech.begin();
        let heard = Heard::default();
        let json = event(7, mark(1), MESSAGE_BYTES).unwrap();
        assert_eq!(json.len(), MESSAGE_BYTES);
        heard.take(json.as_bytes()).unwrap();
        speech.number = 1;
        for what in [What::Live, What::Events] {
            heard.take(&speech.next(what).unwrap().into_data()).unwrap();
        }
        assert_eq!(heard.lock().last, 3);
        assert!(heard.take(mark(5).as_bytes()).is_err(), "one is missing");
        assert!(heard.take(mark(3).as_bytes()).is_err(), "it comes twice");
    }
}

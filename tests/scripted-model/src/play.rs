//! Performs the beats of an answer: as a stream of server-sent events, or gathered to one message.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;

use crate::answer::Beat;
use crate::assemble::Assembly;
use crate::error::Cut;
use crate::gates::{Arrival, Gates};
use crate::record::{Outcome, Ticket};
use crate::sse::{Event, Message};

/// Well below any client's patience with a silent stream.
const PING_EVERY: Duration = Duration::from_secs(10);

/// What a performance depends on.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) gates: Arc<Gates>,
    pub(crate) stop: CancellationToken,
}

impl Stage {
    /// Performs the beats as frames of a stream, each flushed on its own; a cut ends it with an error.
    pub(crate) fn stream(
        self,
        beats: Vec<Beat>,
        ticket: Ticket,
    ) -> impl Stream<Item = Result<Bytes, Cut>> + Send {
        let player =
            Player { stage: self, beats: beats.into_iter().peekable(), ticket, arrival: None, began: false };
        stream::unfold(player, |mut player| async { player.next().await.map(|frame| (frame, player)) })
    }

    /// Performs the beats and gathers their events; none when the connection is to be cut.
    pub(crate) async fn gather(self, beats: Vec<Beat>, ticket: &mut Ticket) -> Option<Message> {
        let mut assembly = Assembly::default();
        for beat in beats {
            let outcome = match beat {
                Beat::Say(event) => {
                    assembly.take(event);
                    continue;
                }
                Beat::Wait(pause) if self.unless_stopped(tokio::time::sleep(pause)).await => continue,
                Beat::Gate(name) if self.unless_stopped(self.gates.arrive(&name).passed()).await => continue,
                Beat::Wait(_) | Beat::Gate(_) => Outcome::Stopped,
                Beat::Cut => Outcome::Cut,
            };
            ticket.close(outcome);
            return None;
        }
        ticket.close(Outcome::Done);
        assembly.finish()
    }

    /// Waits; false when the server stops before.
    pub(crate) async fn unless_stopped(&self, wait: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = wait => true,
        }
    }
}

struct Player {
    stage: Stage,
    beats: std::iter::Peekable<std::vec::IntoIter<Beat>>,
    ticket: Ticket,
    /// At the gate that is the next beat.
    arrival: Option<Arrival>,
    began: bool,
}

impl Player {
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        if std::mem::replace(&mut self.began, true) {
            // The server flushes what it has whenever the body is not ready: so each event leaves on its own,
            // and what was said before a cut still arrives.
            tokio::task::yield_now().await;
        }
        loop {
            match self.beats.peek()? {
                Beat::Wait(pause) => {
                    if !self.stage.unless_stopped(tokio::time::sleep(*pause)).await {
                        return Some(self.cut(Outcome::Stopped));
                    }
                }
                Beat::Gate(name) => {
                    let arrival = self.arrival.get_or_insert_with(|| self.stage.gates.arrive(name));
                    let passed = self.stage.unless_stopped(arrival.passed());
                    match tokio::time::timeout(PING_EVERY, passed).await {
                        Err(_) => return Some(Ok(Event::Ping.frame())),
                        Ok(false) => return Some(self.cut(Outcome::Stopped)),
                        Ok(true) => self.arrival = None,
                    }
                }
                Beat::Cut => return Some(self.cut(Outcome::Cut)),
                Beat::Say(event) => {
                    let frame = event.frame();
                    self.beats.next();
                    if self.beats.peek().is_none() {
                        self.ticket.close(Outcome::Done);
                    }
                    return Some(Ok(frame));
                }
            }
            self.beats.next();
        }
    }

    fn cut(&mut self, outcome: Outcome) -> Result<Bytes, Cut> {
        self.ticket.close(outcome);
        Err(Cut)
    }
}

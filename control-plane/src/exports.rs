//! Exports: lines of JSON, of which there may be many, or files; they may take their reader long. One person has one of each kind
//! at a time, and all together have few; what waits for a reader is bounded, and is gone when they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::bail;
use axum::body::{Body, Bytes};
use futures_util::stream;
use protocol::UserId;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::ApiError;

/// Exports at a time, everybody's together.
const ALL: usize = 4;
/// How long nobody's is cut off for somebody else's. A browser that reads slowly may take for ever.
const UNDISTURBED: Duration = Duration::from_secs(600);
/// When whoever finds no place is to come back.
const BACK: Duration = Duration::from_secs(9);
/// Lines that may wait for the browser. The longest, one with a chunk of a body, is some 700 KiB.
const WAITING: usize = 2;
/// How long a browser may take for a line.
const WRITE: Duration = Duration::from_secs(60);

/// Who is having an export made.
#[derive(Debug, Default)]
pub struct Exports(Mutex<HashMap<UserId, Seat>>);

#[derive(Debug)]
struct Seat {
    since: Instant,
    taken_away: CancellationToken,
}

impl Exports {
    /// A place for an export that somebody wants, if `paced` lets them. If all are taken, it is that of whoever has had theirs
    /// for longest, and for long.
    fn enter(
        self: &Arc<Self>,
        user: UserId,
        now: Instant,
        paced: impl FnOnce() -> Result<(), ApiError>,
    ) -> Result<Place, ApiError> {
        let mut seats = self.lock();
        if seats.contains_key(&user) {
            return Err(ApiError::too_often(BACK));
        }
        let mut oldest = None;
        if seats.len() >= ALL {
            let first = seats.iter().min_by_key(|(_, seat)| seat.since);
            let gives = first.filter(|(_, seat)| now.saturating_duration_since(seat.since) >= UNDISTURBED);
            oldest = Some(gives.map(|(user, _)| *user).ok_or_else(|| ApiError::too_often(BACK))?);
        }
        // Whoever is refused has not taken anybody's place away.
        paced()?;
        if let Some(seat) = oldest.and_then(|user| seats.remove(&user)) {
            seat.taken_away.cancel();
        }
        let taken_away = CancellationToken::new();
        seats.insert(user, Seat { since: now, taken_away: taken_away.clone() });
        drop(seats);
        Ok(Place { exports: Arc::clone(self), user, taken_away })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for an export, given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    exports: Arc<Exports>,
    user: UserId,
    taken_away: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Taken away, it is somebody else's, or even the same person's.
        if !self.taken_away.is_cancelled() {
            self.exports.lock().remove(&self.user);
        }
    }
}

/// A place for an export of records that somebody wants, if they did not want many just now.
///
/// # Errors
/// `TooMany`, with when to come back.
pub fn enter(app: &App, user: UserId) -> Result<Place, ApiError> {
    app.exports.enter(user, Instant::now(), || app.pace.export(user))
}

/// A place for one of files, likewise. They take long, and keep nobody from taking records along.
///
/// # Errors
/// `TooMany`, with when to come back.
pub fn enter_files(app: &App, user: UserId) -> Result<Place, ApiError> {
    app.file_exports.enter(user, Instant::now(), || app.pace.export(user))
}

/// Where an export's lines go.
#[derive(Clone, Debug)]
pub struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    /// Writes a line.
    ///
    /// # Errors
    /// When the browser is gone, or does not read.
    pub async fn line(&self, what: &impl Serialize) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(what)?;
        bytes.push(b'\n');
        self.piece(bytes.into()).await
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When the browser is gone, or does not read.
    pub async fn piece(&self, bytes: Bytes) -> anyhow::Result<()> {
        match self.0.send_timeout(bytes, WRITE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => bail!("the browser is gone"),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => bail!("the browser does not read"),
        }
    }

    /// Waits until the browser has taken everything.
    async fn taken(&self) -> anyhow::Result<()> {
        for free in 1..=WAITING {
            match tokio::time::timeout(WRITE, self.0.reserve_many(free)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => bail!("the browser is gone"),
                Err(_) => bail!("the browser does not read"),
            }
        }
        Ok(())
    }
}

/// An export as an answer's body: what `write` writes, until `until` says why not. The place is given up when all of it was
/// taken, or nothing more of it is kept.
pub fn body<W>(
    app: &App,
    place: Place,
    until: impl Future<Output = &'static str> + Send + 'static,
    write: impl FnOnce(Lines) -> W,
) -> Body
where
    W: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (sender, inbox) = mpsc::channel(WAITING);
    let lines = Lines(sender);
    let writing = write(lines.clone());
    let waiting = Arc::new(Mutex::new(Waiting { inbox, cut_off: false }));
    // Kept by the body alone, so that it goes with the body.
    let (kept, stop) = (Arc::downgrade(&waiting), app.stop.clone());
    app.tasks.spawn(async move {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Err(anyhow::anyhow!("the server restarts")),
            () = place.taken_away.cancelled() => Err(anyhow::anyhow!("it took too long while others waited")),
            () = lines.0.closed() => Err(anyhow::anyhow!("the browser is gone")),
            why = until => Err(anyhow::anyhow!(why)),
            ended = async { writing.await?; lines.taken().await } => ended,
        };
        if let Err(error) = ended {
            tracing::info!(user = %place.user, error = format!("{error:#}"), "an export was cut off");
            if let Some(waiting) = kept.upgrade() {
                waiting.lock().unwrap_or_else(PoisonError::into_inner).cut_off();
            }
        }
        drop(place);
    });
    Body::from_stream(stream::poll_fn(move |context| {
        waiting.lock().unwrap_or_else(PoisonError::into_inner).poll(context)
    }))
}

/// Lines that wait for the browser.
struct Waiting {
    inbox: mpsc::Receiver<Bytes>,
    cut_off: bool,
}

impl Waiting {
    /// Has nothing more come. What waits goes at once: a connection that nobody reads from may live for long.
    fn cut_off(&mut self) {
        self.cut_off = true;
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
    }

    /// The next line. Of an end that is none the browser is told: what it has is not all.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        let end = self.cut_off.then(|| Err(std::io::Error::other("cut off")));
        self.inbox.poll_recv(context).map(|line| line.map(Ok).or(end))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};

    use protocol::close::ErrorCode;
    use uuid::Uuid;

    use super::*;

    fn user(n: usize) -> UserId {
        UserId(Uuid::from_u128(n as u128))
    }

    impl Exports {
        fn enter_at(self: &Arc<Self>, user: UserId, now: Instant) -> Result<Place, ApiError> {
            self.enter(user, now, || Ok(()))
        }
    }

    #[test]
    fn a_person_has_one_at_a_time_and_all_together_few() {
        let (exports, now) = (Arc::new(Exports::default()), Instant::now());
        let mut places: Vec<_> = (1..ALL).map(|n| exports.enter_at(user(n), now).unwrap()).collect();
        let refused = exports.enter_at(user(1), now).unwrap_err();
        assert!(refused.code() == ErrorCode::TooMany && refused.back_in_ms().is_some());
        places.push(exports.enter_at(user(0), now).unwrap());
        assert_eq!(exports.enter_at(user(ALL), now).unwrap_err().code(), ErrorCode::TooMany);
        places.remove(0);
        places.push(exports.enter_at(user(1), now).unwrap());
        drop(places);
        assert!(exports.lock().is_empty());
    }

    #[test]
    fn whoever_has_had_a_place_for_long_gives_it_up_to_somebody_who_has_none() {
        let exports = Arc::new(Exports::default());
        let begin = Instant::now();
        let (middle, end) = (begin + UNDISTURBED / 2, begin + UNDISTURBED);
        let slow = exports.enter_at(user(0), begin).unwrap();
        let others: Vec<_> = (1..ALL).map(|n| exports.enter_at(user(n), middle).unwrap()).collect();
        assert!(exports.enter_at(user(ALL), middle).is_err());
        // Not to themselves.
        assert!(exports.enter_at(user(0), end).is_err() && !slow.taken_away.is_cancelled());
        // Nor to somebody who has had too many.
        let too_often = || Err(ApiError::too_often(BACK));
        assert!(exports.enter(user(ALL), end, too_often).is_err() && !slow.taken_away.is_cancelled());
        let next = exports.enter_at(user(ALL), end).unwrap();
        assert!(slow.taken_away.is_cancelled() && !others[0].taken_away.is_cancelled());
        assert_eq!(exports.count(), ALL);
        assert!(exports.enter_at(user(0), end).is_err());
        drop(slow);
        assert_eq!(exports.count(), ALL);
        drop(next);
        assert_eq!(exports.count(), ALL - 1);
    }

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_waits_for_a_line_learns_that_it_was_cut_off_and_what_waited_is_gone() {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for line in [None, Some(Bytes::from_static(b"a line"))] {
            let (sender, inbox) = mpsc::channel(WAITING);
            let mut waiting = Waiting { inbox, cut_off: false };
            match line {
                None => assert!(waiting.poll(&mut context).is_pending()),
                Some(line) => sender.try_send(line).unwrap(),
            }
            waiting.cut_off();
            drop(sender);
            assert!(matches!(waiting.poll(&mut context), Poll::Ready(Some(Err(_)))));
        }
        assert!(woken.0.load(Ordering::Relaxed));
    }
}

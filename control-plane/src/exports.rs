//! Exports: lines of JSON, of which there may be many, or files; they may take their reader long. One person has one of each kind
//! at a time, and all together have few; what waits for a reader is bounded, and is gone when they are.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::bail;
use axum::body::{Body, Bytes};
use futures_util::stream;
use protocol::UserId;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::ApiError;

/// Exports at a time, everybody's together.
const ALL: usize = 4;
/// When whoever finds no place is to come back.
const BACK: Duration = Duration::from_secs(9);
/// Lines that may wait for the browser. The longest, one with a chunk of a body, is some 700 KiB.
const WAITING: usize = 2;
/// How long a browser may take for a line.
const WRITE: Duration = Duration::from_secs(60);

/// Who is having an export made.
#[derive(Debug, Default)]
pub struct Exports(Mutex<HashSet<UserId>>);

impl Exports {
    /// A place for an export that somebody wants.
    ///
    /// # Errors
    /// `TooMany`, with when to come back, when they have one, or too many others do.
    pub fn enter(self: &Arc<Self>, user: UserId) -> Result<Place, ApiError> {
        let mut users = self.lock();
        if users.len() >= ALL || !users.insert(user) {
            return Err(ApiError::too_often(BACK));
        }
        drop(users);
        Ok(Place { exports: Arc::clone(self), user })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for an export, given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    exports: Arc<Exports>,
    user: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.exports.lock().remove(&self.user);
    }
}

/// A place for an export of records that somebody wants, if they did not want many just now.
///
/// # Errors
/// `TooMany`, with when to come back.
pub fn enter(app: &App, user: UserId) -> Result<Place, ApiError> {
    paced(app, app.exports.enter(user)?)
}

/// A place for one of files, likewise. They take long, and keep nobody from taking records along.
///
/// # Errors
/// `TooMany`, with when to come back.
pub fn enter_files(app: &App, user: UserId) -> Result<Place, ApiError> {
    paced(app, app.file_exports.enter(user)?)
}

fn paced(app: &App, place: Place) -> Result<Place, ApiError> {
    app.pace.export(place.user)?;
    Ok(place)
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

    #[test]
    fn a_person_has_one_at_a_time_and_all_together_few() {
        let exports = Arc::new(Exports::default());
        let mut places: Vec<_> = (1..ALL).map(|n| exports.enter(user(n)).unwrap()).collect();
        let refused = exports.enter(user(1)).unwrap_err();
        assert!(refused.code() == ErrorCode::TooMany && refused.back_in_ms().is_some());
        places.push(exports.enter(user(0)).unwrap());
        assert_eq!(exports.enter(user(ALL)).unwrap_err().code(), ErrorCode::TooMany);
        places.remove(0);
        places.push(exports.enter(user(1)).unwrap());
        drop(places);
        assert!(exports.lock().is_empty());
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

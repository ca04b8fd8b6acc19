//! Many who are connected and do nothing: they answer pings, and that is all.

use std::sync::Arc;

use anyhow::Context;
use e2e::PATIENCE;
use e2e::impostor::Link;
use e2e::viewer::Socket;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::target::{self, Kind, Target};
use crate::world::{Person, World};

/// How many connections are opened, or conversations asked for, at a time.
const TOGETHER: usize = 64;

/// One link and one viewer each.
#[derive(Debug)]
pub struct Crowd {
    kind: Kind,
    people: usize,
    tasks: JoinSet<()>,
    follow: watch::Sender<bool>,
    told: mpsc::Receiver<Told>,
}

/// What one of them tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Following,
    Lost,
}

/// What each of them needs.
#[derive(Clone)]
struct Shared {
    tell: mpsc::Sender<Told>,
    follow: watch::Receiver<bool>,
    asking: Arc<Semaphore>,
}

impl Crowd {
    /// Connects everybody.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn connect(target: &Target, world: &World) -> anyhow::Result<Self> {
        let people = world.people.len();
        let (tell, told) = mpsc::channel(2 * people.max(1));
        let (follow, asked) = watch::channel(false);
        let shared = Shared { tell, follow: asked, asking: Arc::new(Semaphore::new(TOGETHER)) };
        let mut tasks = JoinSet::new();
        for some in world.people.chunks(TOGETHER) {
            let opening = some.iter().map(|person| async {
                let link = target.address().open_link(person).await?;
                anyhow::Ok((Arc::clone(person), link, target.address().open_viewer(person).await?))
            });
            for (person, link, viewer) in futures_util::future::try_join_all(opening).await? {
                tasks.spawn(keep_link(link, shared.tell.clone()));
                tasks.spawn(keep_viewer(viewer, person, shared.clone()));
            }
        }
        Ok(Self { kind: target.address().kind, people, tasks, follow, told })
    }

    /// Has every viewer follow its conversation. A relay's do anyway.
    ///
    /// # Errors
    /// When a connection breaks.
    pub async fn follow_all(&mut self) -> anyhow::Result<()> {
        if self.kind == Kind::Relay {
            return Ok(());
        }
        self.follow.send_replace(true);
        for _ in 0..self.people {
            let told = timeout(PATIENCE, self.told.recv()).await.context("not everybody can follow")?;
            anyhow::ensure!(told == Some(Told::Following), "a connection was lost");
        }
        Ok(())
    }

    /// Whether nobody was lost so far.
    ///
    /// # Errors
    /// When somebody was.
    pub fn check(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.told.try_recv() != Ok(Told::Lost), "a connection was lost");
        Ok(())
    }

    /// Disconnects everybody.
    pub async fn leave(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn keep_link(mut link: Link, tell: mpsc::Sender<Told>) {
    while let Some(Ok(_)) = link.next().await {}
    let _ = tell.send(Told::Lost).await;
}

async fn keep_viewer(mut socket: Socket, person: Arc<Person>, mut shared: Shared) {
    let mut asking = None;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if asking.is_some() && text.contains(r#""type":"opened""#) => {
                    asking = None;
                    let _ = shared.tell.send(Told::Following).await;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
            asked = shared.follow.changed() => {
                let Ok(permit) = Arc::clone(&shared.asking).acquire_owned().await else { break };
                if asked.is_err() || target::ask_to_follow(&mut socket, &person).await.is_err() {
                    break;
                }
                asking = Some(permit);
            }
        }
    }
    let _ = shared.tell.send(Told::Lost).await;
}

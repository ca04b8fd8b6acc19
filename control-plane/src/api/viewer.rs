//! `WS /workspace/{user_id}`: everything of one workspace, for one browser.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use futures_util::StreamExt;
use protocol::UserId;
use protocol::api::ModelAccess;
use protocol::close::{CloseCode, ErrorCode};
use protocol::frame::{self, Frame};
use protocol::status::WorkspaceStatus;
use protocol::version::Version;
use protocol::viewer::{FromServer, FromViewer, Request, Welcome};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::conversations::PAGE;
use super::extract::workspace_of;
use super::socket::{self, Ended, PING, REQUESTS, Writer};
use crate::app::App;
use crate::auth::session::CurrentUser;
use crate::error::ApiError;
use crate::hub::terminal::Viewing;
use crate::hub::workspace::{ListChange, WorkspaceHub};

mod act;
mod feed;

use self::act::Actor;
use self::feed::Feed;

/// Upgrades the connection for the workspace's own user.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    user: CurrentUser,
    Path(wanted): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<axum::body::Body> {
    match admit(&app, &user, &wanted, &headers).await {
        Ok((hub, version)) => {
            socket::limited(upgrade, version).on_upgrade(move |socket| serve(app, user, hub, socket))
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(
    app: &Arc<App>,
    user: &CurrentUser,
    wanted: &str,
    headers: &HeaderMap,
) -> Result<(Arc<WorkspaceHub>, Version), ApiError> {
    let wanted: Option<UserId> = wanted.parse().ok();
    if wanted != Some(user.user.id) {
        return Err(ApiError::new(ErrorCode::NotFound, "there is no such workspace"));
    }
    let version = socket::negotiate(headers)?;
    Ok((workspace_of(app, user.user.id).await?, version))
}

/// Counts a viewer for as long as it lives.
struct Counted(Arc<App>);

impl Counted {
    fn new(app: &Arc<App>) -> Self {
        app.viewers.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(app))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(app: Arc<App>, user: CurrentUser, hub: Arc<WorkspaceHub>, socket: WebSocket) {
    let _counted = Counted::new(&app);
    let (sink, stream) = socket.split();
    let mut writer = Writer::new(sink);
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let viewing = hub.terminals().enter();
    let ended = tokio::select! {
        ended = socket::read(stream, requests, |bytes| take_frame(&viewing, bytes)) => ended,
        Err(ended) = write(&app, &user, &hub, &viewing, &mut writer, inbox) => ended,
        // Beside the writer: it may be waiting for a browser that does not read.
        () = viewing.keep() => Ended::Gone,
        why = user.over(&app) => Ended::Close(CloseCode::SignedOut, why.to_owned()),
        () = hub.closed().cancelled() => Ended::Close(CloseCode::SignedOut, "the workspace was deleted".to_owned()),
        () = app.stop.cancelled() => Ended::Close(CloseCode::Draining, "the server restarts".to_owned()),
    };
    writer.farewell(user.user.id, ended).await;
}

/// What a terminal is typed, and what of it was shown, is taken as it comes: it never waits for what is to be written.
fn take_frame(viewing: &Viewing, bytes: &[u8]) -> Result<(), String> {
    match frame::decode(bytes).map_err(|error| error.to_string())? {
        Frame::Terminal(terminal, frame) if viewing.take(terminal, &frame) => Ok(()),
        Frame::Terminal(..) | Frame::Events(_) | Frame::Chunk(_) => {
            Err("a browser does not send such frames".to_owned())
        }
        Frame::Unknown(tag) => {
            tracing::debug!(tag, "a browser's frame of an unknown kind is skipped");
            Ok(())
        }
    }
}

/// Says what there is to say, most urgent first: the workspace and its conversations, answers, then output of terminals, a
/// piece at a time.
async fn write(
    app: &Arc<App>,
    user: &CurrentUser,
    hub: &Arc<WorkspaceHub>,
    viewing: &Viewing,
    writer: &mut Writer,
    mut requests: mpsc::Receiver<Request>,
) -> Result<Infallible, Ended> {
    let mut viewer = Viewer::begin(app, user, hub, writer).await?;
    let mut actor = Actor::new(Arc::clone(app), user.clone(), Arc::clone(hub));
    let (mut due, mut again_at) = (true, None);
    loop {
        if due {
            again_at = viewer.tell(writer).await?;
        }
        let waits = || !requests.is_empty() || again_at.is_some_and(|at| at <= Instant::now());
        viewer.show(viewing, waits, writer).await?;
        // What follows from output alone needs no look at conversations.
        due = true;
        tokio::select! {
            request = requests.recv() => {
                let request = request.ok_or(Ended::Gone)?;
                // The page asks by itself whether the link lives: that is no use.
                if !matches!(request.body, FromViewer::Ping {}) {
                    user.used(app).await;
                }
                if let Some(answer) = actor.carry_out(request, &mut viewer.feed, viewing).await {
                    writer.say(&answer).await?;
                }
            }
            _ = viewer.pulse.changed() => {}
            _ = viewer.access.changed() => viewer.access_changed = true,
            () = viewing.woken() => due = false,
            () = tokio::time::sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {}
            () = tokio::time::sleep(PING) => {
                due = false;
                writer.ping().await?;
            }
        }
    }
}

/// What one viewer has been told of the workspace.
struct Viewer {
    app: Arc<App>,
    hub: Arc<WorkspaceHub>,
    pulse: watch::Receiver<u64>,
    status: watch::Receiver<WorkspaceStatus>,
    access: watch::Receiver<ModelAccess>,
    access_changed: bool,
    /// What was last told of the model, and which state of users' own keys that was from.
    told_access: ModelAccess,
    own_stamp: u64,
    status_generation: u64,
    list_stamp: u64,
    catalog_stamp: u64,
    feed: Feed,
}

impl Viewer {
    async fn begin(
        app: &Arc<App>,
        user: &CurrentUser,
        hub: &Arc<WorkspaceHub>,
        writer: &mut Writer,
    ) -> Result<Self, Ended> {
        let pulse = hub.pulse();
        let mut watched = hub.watch_status();
        let access = app.gateway.watch_access();
        let own_stamp = app.gateway.own().stamp();
        let told_access = app.gateway.access_of(user.user.id).await;
        // The list is read after the stamp: a change in between is told twice rather than not at all.
        let (_, list_stamp) = hub.changes_since(u64::MAX - 1);
        let status = watched.borrow_and_update().clone();
        let (catalog, catalog_stamp) = hub.catalog();
        let records = app.store.conversations(hub.id(), None, "", PAGE + 1).await.map_err(Ended::failed)?;
        let status_generation = status.generation;
        let welcome = Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            me: user.me(),
            workspace: status,
            conversations: records.iter().take(PAGE).map(|record| record.view()).collect(),
            more: records.len() > PAGE,
            model: told_access.clone(),
            catalog,
            modes: app.config.limits.modes(),
        };
        writer.say(&FromServer::Welcome(Box::new(welcome))).await?;
        let (app, hub) = (Arc::clone(app), Arc::clone(hub));
        let feed = Feed::default();
        let access_changed = false;
        Ok(Self {
            app,
            hub,
            pulse,
            status: watched,
            access,
            access_changed,
            told_access,
            own_stamp,
            status_generation,
            list_stamp,
            catalog_stamp,
            feed,
        })
    }

    /// Tells whatever the viewer has not been told. Returns when to look again for live text.
    async fn tell(&mut self, writer: &mut Writer) -> Result<Option<Instant>, Ended> {
        self.pulse.mark_unchanged();
        self.tell_workspace(writer).await?;
        let mut queue = VecDeque::new();
        let again_at = self.feed.collect(&mut queue).await.map_err(Ended::failed)?;
        for frame in queue {
            writer.text(frame).await?;
        }
        Ok(again_at)
    }

    async fn tell_access(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        let stamp = self.app.gateway.own().stamp();
        if !std::mem::take(&mut self.access_changed) && stamp == self.own_stamp {
            return Ok(());
        }
        self.own_stamp = stamp;
        let access = self.app.gateway.access_of(self.hub.user()).await;
        if access == self.told_access {
            return Ok(());
        }
        self.told_access = access.clone();
        writer.say(&FromServer::Model { access }).await
    }

    /// Sends what terminals print, as long as nothing else is to be said.
    async fn show(
        &self,
        viewing: &Viewing,
        waits: impl Fn() -> bool,
        writer: &mut Writer,
    ) -> Result<(), Ended> {
        loop {
            let words = viewing.words();
            for message in words.messages {
                writer.say(&message).await?;
            }
            for frame in words.frames {
                writer.frame(frame.into()).await?;
            }
            let Some(frame) = viewing.next() else { return Ok(()) };
            writer.frame(frame).await?;
            // What was typed, and what was shown, is read between any two pieces.
            tokio::task::yield_now().await;
            if waits() || self.pulse.has_changed().unwrap_or(true) {
                return Ok(());
            }
        }
    }

    async fn tell_workspace(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        // Asked at every event of every conversation: only what changed is copied.
        if self.status.has_changed().unwrap_or(false) {
            let status = self.status.borrow_and_update().clone();
            if status.generation > self.status_generation {
                self.status_generation = status.generation;
                writer.say(&FromServer::Workspace { status }).await?;
            }
        }
        self.tell_access(writer).await?;
        let (changes, stamp) = self.hub.changes_since(self.list_stamp);
        self.list_stamp = stamp;
        for change in changes {
            let message = match change {
                ListChange::Is(conversation) => FromServer::Conversation { conversation: *conversation },
                ListChange::Gone(conversation) => FromServer::ConversationDeleted { conversation },
            };
            writer.say(&message).await?;
        }
        if let Some((catalog, stamp)) = self.hub.catalog_since(self.catalog_stamp) {
            self.catalog_stamp = stamp;
            writer.say(&FromServer::Catalog { catalog }).await?;
        }
        Ok(())
    }
}

//! `WS /workspace/{user_id}`: everything of one workspace, for one browser.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::UserId;
use protocol::close::{CloseCode, ErrorCode};
use protocol::limits::READABLE_BYTES;
use protocol::version::Version;
use protocol::viewer::{FromServer, Request, Welcome};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::conversations::PAGE;
use super::extract::workspace_of;
use crate::app::App;
use crate::auth::presence::Standing;
use crate::auth::session::CurrentUser;
use crate::clock;
use crate::error::ApiError;
use crate::hub::workspace::{ListChange, WorkspaceHub};
use crate::store::StoreError;

mod act;
mod feed;

use self::act::Actor;
use self::feed::Feed;

/// How long one write may take. A browser that does not read for so long is gone.
const WRITE: Duration = Duration::from_secs(20);
/// How often a silent browser is pinged; below the minute after which proxies hang up.
const PING: Duration = Duration::from_secs(25);
/// Requests that may wait to be carried out. Beyond it the socket is not read.
const REQUESTS: usize = 16;

/// Upgrades the connection for the workspace's own user.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<axum::body::Body> {
    match admit(&app, &user, &headers).await {
        Ok(Admitted { user, standing, hub, version }) => upgrade
            .protocols([version.subprotocol()])
            .read_buffer_size(4 * 1024)
            .max_message_size(READABLE_BYTES)
            .max_frame_size(READABLE_BYTES)
            .on_upgrade(move |socket| serve(app, user, standing, hub, socket)),
        Err(error) => error.into_response(),
    }
}

/// A viewer that is let in.
struct Admitted {
    user: CurrentUser,
    standing: Standing,
    hub: Arc<WorkspaceHub>,
    version: Version,
}

async fn admit(app: &Arc<App>, wanted: &str, headers: &HeaderMap) -> Result<Admitted, ApiError> {
    app.origins.check(headers)?;
    let (user, standing) = CurrentUser::standing(app, headers).await?;
    let wanted: Option<UserId> = wanted.parse().ok();
    if wanted != Some(user.user.id) {
        return Err(ApiError::new(ErrorCode::NotFound, "there is no such workspace"));
    }
    let offered =
        headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|offered| offered.to_str().ok()).unwrap_or_default();
    let version = Version::negotiate(offered).ok_or_else(|| {
        ApiError::new(ErrorCode::Invalid, format!("no protocol version in common: {offered:?}"))
    })?;
    let hub = workspace_of(app, &user).await?;
    Ok(Admitted { user, standing, hub, version })
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

/// Why a viewer's socket ends.
enum Ended {
    Gone,
    Close(CloseCode, String),
}

async fn serve(
    app: Arc<App>,
    user: CurrentUser,
    standing: Standing,
    hub: Arc<WorkspaceHub>,
    socket: WebSocket,
) {
    let _counted = Counted::new(&app);
    let (sink, stream) = socket.split();
    let mut writer = Writer { sink };
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let signed_out_at = Instant::now() + Duration::from_millis(user.expires_at.saturating_sub(clock::now()));
    let ended = tokio::select! {
        ended = read(stream, requests) => ended,
        ended = write(&app, &user, &hub, &mut writer, inbox) => ended,
        () = tokio::time::sleep_until(signed_out_at) => {
            Ended::Close(CloseCode::SignedOut, "the session has ended".to_owned())
        }
        () = standing.ended() => Ended::Close(CloseCode::SignedOut, "signed out".to_owned()),
        () = hub.closed().cancelled() => Ended::Close(CloseCode::SignedOut, "the workspace was deleted".to_owned()),
        () = app.stop.cancelled() => Ended::Close(CloseCode::Draining, "the server restarts".to_owned()),
    };
    if let Ended::Close(code, why) = ended {
        tracing::debug!(user = %user.user.id, ?code, why, "a viewer's socket is closed");
        let reason = protocol::bounded::clip(&why, 120).to_owned();
        let frame = CloseFrame { code: code.number(), reason: reason.into() };
        let _ = writer.send(Message::Close(Some(frame))).await;
    }
}

/// Reads requests. A broken one closes the socket: the page is not of this version, or not ours.
async fn read(mut stream: SplitStream<WebSocket>, requests: mpsc::Sender<Request>) -> Ended {
    loop {
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                let words = format!("{error:?}");
                let too_large = words.contains("Capacity") || words.contains("TooLong");
                let code = if too_large { CloseCode::TooLarge } else { CloseCode::Protocol };
                return Ended::Close(code, error.to_string());
            }
            None => return Ended::Gone,
        };
        let request = match message {
            Message::Text(text) => serde_json::from_str::<Request>(&text),
            Message::Close(_) => return Ended::Gone,
            Message::Binary(_) => {
                return Ended::Close(CloseCode::Protocol, "a viewer speaks JSON".to_owned());
            }
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        match request {
            Ok(request) => {
                if requests.send(request).await.is_err() {
                    return Ended::Gone;
                }
            }
            Err(error) => return Ended::Close(CloseCode::Protocol, error.to_string()),
        }
    }
}

async fn write(
    app: &Arc<App>,
    user: &CurrentUser,
    hub: &Arc<WorkspaceHub>,
    writer: &mut Writer,
    mut requests: mpsc::Receiver<Request>,
) -> Ended {
    let mut viewer = match Viewer::begin(app, user, hub, writer).await {
        Ok(viewer) => viewer,
        Err(ended) => return ended,
    };
    let mut actor = Actor::new(Arc::clone(app), user.clone(), Arc::clone(hub));
    loop {
        let again_at = match viewer.tell(writer).await {
            Ok(again_at) => again_at,
            Err(ended) => return ended,
        };
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return Ended::Gone };
                let answer = actor.carry_out(request, &mut viewer.feed).await;
                if let Err(ended) = writer.say(&answer).await {
                    return ended;
                }
            }
            _ = viewer.pulse.changed() => {}
            _ = viewer.access.changed() => viewer.access_changed = true,
            () = tokio::time::sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {}
            () = tokio::time::sleep(PING) => {
                if let Err(ended) = writer.send(Message::Ping(Vec::new().into())).await {
                    return ended;
                }
            }
        }
    }
}

/// What one viewer has been told of the workspace.
struct Viewer {
    app: Arc<App>,
    hub: Arc<WorkspaceHub>,
    pulse: watch::Receiver<u64>,
    access: watch::Receiver<protocol::api::ModelAccess>,
    access_changed: bool,
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
        let access = app.gateway.watch_access();
        // The list is read after the stamp: a change in between is told twice rather than not at all.
        let (_, list_stamp) = hub.changes_since(u64::MAX - 1);
        let status = hub.status();
        let (catalog, catalog_stamp) = hub.catalog();
        let records = app.store.conversations(hub.id(), None, "", PAGE + 1).await.map_err(failed)?;
        let status_generation = status.generation;
        let welcome = Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            me: user.me(),
            workspace: status,
            conversations: records.iter().take(PAGE).map(|record| record.view()).collect(),
            more: records.len() > PAGE,
            model: app.gateway.access(),
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
            access,
            access_changed,
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
        let again_at = self.feed.collect(&mut queue).await.map_err(failed)?;
        for frame in queue {
            writer.send(Message::Text(frame.into())).await?;
        }
        Ok(again_at)
    }

    async fn tell_workspace(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        let status = self.hub.status();
        if status.generation > self.status_generation {
            self.status_generation = status.generation;
            writer.say(&FromServer::Workspace { status }).await?;
        }
        if std::mem::take(&mut self.access_changed) {
            writer.say(&FromServer::Model { access: self.app.gateway.access() }).await?;
        }
        let (changes, stamp) = self.hub.changes_since(self.list_stamp);
        self.list_stamp = stamp;
        for change in changes {
            let message = match change {
                ListChange::Is(conversation) => FromServer::Conversation { conversation: *conversation },
                ListChange::Gone(conversation) => FromServer::ConversationDeleted { conversation },
            };
            writer.say(&message).await?;
        }
        if let (Some(catalog), stamp) = self.hub.catalog()
            && stamp > self.catalog_stamp
        {
            self.catalog_stamp = stamp;
            writer.say(&FromServer::Catalog { catalog }).await?;
        }
        Ok(())
    }
}

fn failed(error: StoreError) -> Ended {
    tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a viewer can't be served");
    Ended::Close(CloseCode::Internal, "the store failed".to_owned())
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
}

impl Writer {
    async fn say(&mut self, message: &FromServer<'_>) -> Result<(), Ended> {
        match serde_json::to_string(message) {
            Ok(json) => self.send(Message::Text(json.into())).await,
            Err(error) => Err(Ended::Close(CloseCode::Internal, error.to_string())),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(WRITE, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Gone),
        }
    }
}

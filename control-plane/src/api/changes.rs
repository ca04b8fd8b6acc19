//! What happens in a conversation, for scripts: as a stream of server-sent events, or asked for again and again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use protocol::ConversationId;
use protocol::api::scripts::Changes;
use protocol::close::ErrorCode;
use protocol::viewer::Cursor;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::extract::{PathOf, QueryOf, workspace_of};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::token::StreamPlace;
use crate::error::ApiError;
use crate::hub::tail::{Piece, Tail};
use crate::hub::workspace::WorkspaceHub;
use crate::store::StoreError;

/// How long an answer may wait for something to tell, in seconds: less than a request may take.
const LONGEST_WAIT: u64 = 20;
/// Bytes of events in one answer, about.
const ANSWER_BYTES: usize = 512 * 1024;
/// How often a stream that has nothing to tell says that it lives.
const ALIVE: Duration = Duration::from_secs(15);
/// When a reader whose stream was cut should come back.
const BACK: Duration = Duration::from_secs(1);

/// From where, and how long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// A cursor that an answer had; absent: the newest part of the log.
    cursor: Option<String>,
    /// If there is nothing yet, how many seconds to wait for something, up to 20.
    #[serde(default)]
    #[param(maximum = 20)]
    wait: u64,
}

/// What happened since a cursor. Ask again with the cursor that this answers: nothing is missed, and nothing comes twice.
#[utoipa::path(
    get, path = "/api/conversations/{id}/changes", tag = "events",
    params(("id" = ConversationId, Path, description = "The conversation."), Asked),
    responses((status = 200, body = Changes, description = "What happened.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn page(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<Changes>, ApiError> {
    let workspace = workspace_of(&app, caller.id()).await?;
    let mut pulse = workspace.pulse();
    let mut tail = attach(&workspace, id, asked.cursor.as_deref()).await?;
    let give_up_at = Instant::now() + Duration::from_secs(asked.wait.min(LONGEST_WAIT));
    loop {
        pulse.mark_unchanged();
        let (changes, told) = gather(&mut tail).await?;
        if told || Instant::now() >= give_up_at {
            return Ok(Answer(changes));
        }
        tokio::select! {
            () = caller.over(&app) => return Err(ApiError::new(ErrorCode::SignedOut, "signed out meanwhile")),
            () = app.stop.cancelled() => return Ok(Answer(changes)),
            _ = pulse.changed() => {}
            () = sleep_until(give_up_at) => {}
        }
    }
}

async fn attach(
    workspace: &Arc<WorkspaceHub>,
    id: ConversationId,
    cursor: Option<&str>,
) -> Result<Tail, ApiError> {
    let parsed = cursor.map(str::parse::<Cursor>).transpose();
    let cursor = parsed.map_err(|error| ApiError::new(ErrorCode::Invalid, error.to_string()))?;
    Ok(Tail::attach(workspace.conversation(id).await?, cursor).await?)
}

/// As much as an answer holds, and whether that is anything.
async fn gather(tail: &mut Tail) -> Result<(Changes, bool), ApiError> {
    let mut changes = Changes {
        cursor: String::new(),
        more: true,
        snapshot: None,
        events: Vec::new(),
        items: Vec::new(),
        notices: Vec::new(),
    };
    let mut bytes = 0;
    let mut told = false;
    while changes.more && bytes < ANSWER_BYTES {
        let piece = tail.next().await?;
        if piece.deleted {
            return Err(ApiError::new(ErrorCode::NotFound, "the conversation was deleted"));
        }
        if let Some(because) = piece.snapshot() {
            // What was gathered before belongs to a log that is no more.
            changes.events.clear();
            changes.snapshot = Some(because);
        }
        told |= !piece.tells_nothing();
        bytes += piece.lines.iter().map(|line| line.json.len()).sum::<usize>();
        for line in &piece.lines {
            changes.events.push(RawValue::from_string(line.json.to_string()).map_err(ApiError::internal)?);
        }
        changes.items.extend(piece.items);
        changes.notices.extend(piece.notices);
        changes.cursor = piece.cursor.to_string();
        changes.more = piece.more;
    }
    Ok((changes, told))
}

/// From where a stream begins, and whether with live text.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamAsked {
    /// A cursor that an answer had; absent: the newest part of the log. A `Last-Event-ID` header takes precedence.
    cursor: Option<String>,
    /// Also send text that is not final yet.
    #[serde(default)]
    live: bool,
}

/// What happens since a cursor, as server-sent events. The id of each is the cursor that stands for having it: a client that
/// reconnects with `Last-Event-ID` misses nothing, and gets nothing twice. Kinds of events: `opened`, `item`, `notice`, `event`,
/// and without an id `activity`, `live`, `retract`, `end`.
#[utoipa::path(
    get, path = "/api/conversations/{id}/stream", tag = "events",
    params(
        ("id" = ConversationId, Path, description = "The conversation."), StreamAsked,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received.")
    ),
    responses((status = 200, content_type = "text/event-stream", body = String, description = "The stream.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    QueryOf(asked): QueryOf<StreamAsked>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let place = app.tokens.stream(caller.id())?;
    let workspace = workspace_of(&app, caller.id()).await?;
    let pulse = workspace.pulse();
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("not text"));
    let tail = attach(&workspace, id, last.or(asked.cursor.as_deref())).await?;
    let (queue, again_at, over) = (VecDeque::new(), None, false);
    let kept_out = {
        let (app, caller) = (Arc::clone(&app), caller.clone());
        Box::pin(async move { caller.over(&app).await })
    };
    let source = Source {
        app,
        kept_out,
        workspace,
        pulse,
        tail,
        live: asked.live,
        queue,
        again_at,
        over,
        _place: place,
    };
    let events = stream::unfold(source, Source::next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// Where one stream's events come from. Nothing is made before its reader has taken what was made before.
struct Source {
    app: Arc<App>,
    /// Comes when whoever listens is kept out. One for all of the stream's life: it looks now and then, however much there is
    /// to tell.
    kept_out: Pin<Box<dyn Future<Output = ()> + Send>>,
    workspace: Arc<WorkspaceHub>,
    pulse: watch::Receiver<u64>,
    tail: Tail,
    live: bool,
    queue: VecDeque<Event>,
    again_at: Option<Instant>,
    over: bool,
    _place: StreamPlace,
}

impl Source {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some((Ok(event), self));
            }
            if self.over {
                return None;
            }
            self.look().await;
        }
    }

    /// Looks for something to tell, and if there is nothing waits for it.
    async fn look(&mut self) {
        self.pulse.mark_unchanged();
        let piece = tokio::select! {
            biased;
            () = &mut self.kept_out => return self.end("signed_out"),
            () = self.workspace.closed().cancelled() => return self.end("deleted"),
            () = self.app.stop.cancelled() => return self.end("draining"),
            piece = self.tail.next() => piece,
        };
        match piece {
            Ok(piece) => self.tell(piece),
            Err(error) => return self.failed(error),
        }
        if !self.queue.is_empty() || self.over {
            return;
        }
        let again_at = self.again_at.unwrap_or_else(Instant::now);
        tokio::select! {
            () = &mut self.kept_out => self.end("signed_out"),
            () = self.workspace.closed().cancelled() => self.end("deleted"),
            () = self.app.stop.cancelled() => self.end("draining"),
            _ = self.pulse.changed() => {}
            () = sleep_until(again_at), if self.again_at.is_some() => {}
        }
    }

    fn tell(&mut self, piece: Piece) {
        if piece.deleted {
            return self.end("deleted");
        }
        let begun = piece.begun.to_string();
        if let Some(greeting) = piece.greeting {
            let data = json!({ "snapshot": piece.snapshot(), "from": greeting.from, "end": greeting.end });
            self.queue.push_back(event("opened", &data.to_string()).retry(BACK));
        }
        // One id for all of them, on the last: who has not got them all gets them all again.
        let items = piece.items.iter().map(|item| ("item", serde_json::to_string(item)));
        let notices = piece.notices.iter().map(|notice| ("notice", serde_json::to_string(notice)));
        let mut records: VecDeque<_> =
            items.chain(notices).map(|(kind, json)| event(kind, &json.unwrap_or_default())).collect();
        if let Some(last) = records.pop_back() {
            records.push_back(last.id(&begun));
        }
        self.queue.append(&mut records);
        for line in &piece.lines {
            let log = protocol::Position { epoch: line.epoch, n: line.n };
            let cursor = Cursor { log, ..piece.cursor };
            self.queue.push_back(event("event", &line.json).id(cursor.to_string()));
        }
        self.again_at = if piece.more { Some(Instant::now()) } else { piece.again_at.map(Instant::from_std) };
        self.tell_live(piece);
    }

    fn tell_live(&mut self, piece: Piece) {
        if let Some(activity) = &piece.activity {
            self.queue.push_back(event("activity", &json!(activity).to_string()));
        }
        if !self.live {
            return;
        }
        if !piece.gone.is_empty() {
            self.queue.push_back(event("retract", &json!({ "blocks": piece.gone }).to_string()));
        }
        for more in piece.live {
            let data = json!({ "block": more.block, "what": more.what, "parent": more.parent,
                               "restart": more.restart, "text": more.text });
            self.queue.push_back(event("live", &data.to_string()));
        }
    }

    fn failed(&mut self, error: StoreError) {
        tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a stream can't go on");
        self.end("failed");
    }

    /// Says why it ends. A reader that comes back with its last id goes on where it was.
    fn end(&mut self, why: &str) {
        self.over = true;
        self.queue.push_back(event("end", &json!({ "why": why }).to_string()));
    }
}

fn event(kind: &str, data: &str) -> Event {
    Event::default().event(kind).data(data)
}

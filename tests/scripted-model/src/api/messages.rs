//! `POST /v1/messages` and `POST /v1/messages/count_tokens`.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::App;
use super::call::Call;
use crate::answer::{Beat, compose};
use crate::directive::{Part, parts};
use crate::error::{ApiError, Cut};
use crate::rate_limit::RateLimit;
use crate::record::{Asked, Outcome, Sizes, Ticket, clip};
use crate::request::MessagesRequest;
use crate::script::{self, Script};
use crate::sse::Message;
use crate::usage::{Usage, total_tokens};
use crate::{ids, plain};

/// What a record shows of a script and of a prompt.
const RECORDED_LINES: usize = 4;
const RECORDED_CHARACTERS: usize = 500;

/// Answers with a message.
pub(crate) async fn create(State(app): State<Arc<App>>, call: Call) -> Response {
    let request = match MessagesRequest::parse(&call.body) {
        Ok(request) => request,
        Err(reason) => return call.answer_at_once(&app, Err(ApiError::new(StatusCode::BAD_REQUEST, reason))),
    };
    let script = script::find(&request.messages);
    let mut ticket = call.admit(&app, asked(&request, &script, call.body.len()));
    let limit = RateLimit::find(script.prompt);
    let response = match plan(&app, &request, &script) {
        Plan::Error(status) => call.answer(&mut ticket, Err(ApiError::scripted(status))),
        Plan::Silence => {
            app.stage.stop.cancelled().await;
            ticket.close(Outcome::Stopped);
            call.tag(broken_off())
        }
        Plan::Message(parts) => {
            let message = Message::begin(ids::message(), request.model.clone(), Usage::of_request(&request));
            let beats = compose(&parts, message, app.delay);
            ticket.status(StatusCode::OK.as_u16());
            call.tag(perform(&app, beats, request.stream, ticket).await)
        }
    };
    limited(response, limit.as_ref())
}

/// Counts the tokens of a request for a message.
pub(crate) async fn count_tokens(State(app): State<Arc<App>>, call: Call) -> Response {
    let answer = match MessagesRequest::parse(&call.body) {
        Ok(request) => Ok(Json(json!({"input_tokens": total_tokens(&request)})).into_response()),
        Err(reason) => Err(ApiError::new(StatusCode::BAD_REQUEST, reason)),
    };
    call.answer_at_once(&app, answer)
}

/// What a request is answered with.
enum Plan {
    Message(Vec<Part>),
    Error(u16),
    Silence,
}

fn plan(app: &App, request: &MessagesRequest<'_>, script: &Script<'_>) -> Plan {
    let due = script.due();
    // Only an error befalls a request for a title.
    if request.asks_for_title() && !due.is_some_and(|line| line.starts_with("ERR")) {
        return Plan::Message(vec![Part::Text(plain::TITLE.into())]);
    }
    let messages = request.messages.len();
    let Some(line) = due else {
        let said = script::last_said(&request.messages);
        let scripted = !script.lines.is_empty();
        let text = if scripted { plain::headline(said, messages) } else { plain::reply(said, messages) };
        return Plan::Message(vec![Part::Text(text)]);
    };
    let parts = app.counters.settle(line, script.prompt, parts(line));
    let instead = parts.iter().find_map(|part| match part {
        Part::Error { status, .. } => Some(Plan::Error(*status)),
        Part::Silent { .. } => Some(Plan::Silence),
        Part::Tool { .. }
        | Part::Text(_)
        | Part::Markdown
        | Part::Slow { .. }
        | Part::Think(_)
        | Part::Huge(_)
        | Part::Gate(_)
        | Part::Hang { .. }
        | Part::Drop { .. }
        | Part::Refuse
        | Part::MaxTokens => None,
    });
    instead.unwrap_or(Plan::Message(parts))
}

async fn perform(app: &App, beats: Vec<Beat>, streamed: bool, mut ticket: Ticket) -> Response {
    let stage = app.stage.clone();
    if streamed {
        let events =
            [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
        return (events, Body::from_stream(stage.stream(beats, ticket))).into_response();
    }
    let message = stage.gather(beats, &mut ticket).await;
    message.map_or_else(broken_off, |message| Json(message).into_response())
}

/// An answer that is cut after its first bytes.
fn broken_off() -> Response {
    let cut = async {
        // What was said is flushed only while the body is not ready.
        tokio::task::yield_now().await;
        Err(Cut)
    };
    let pieces = stream::iter([Ok("{\"id\":")]).chain(stream::once(cut));
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

fn limited(mut response: Response, limit: Option<&RateLimit>) -> Response {
    for (name, value) in limit.map(|limit| limit.headers(SystemTime::now())).unwrap_or_default() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn asked(request: &MessagesRequest<'_>, script: &Script<'_>, bytes: usize) -> Asked {
    let recorded = |text: &str| clip(text, RECORDED_CHARACTERS).to_owned();
    Asked {
        model: Some(request.model.clone()),
        stream: request.stream,
        max_tokens: request.max_tokens,
        auxiliary: request.is_auxiliary(),
        script: script.lines.iter().take(RECORDED_LINES).map(|line| recorded(line)).collect(),
        step: script.step,
        sizes: Sizes {
            bytes,
            messages: request.messages.len(),
            tools: request.tools.len(),
            system: request.system_size(),
        },
        last_user_text: recorded(script::last_said(&request.messages)),
    }
}

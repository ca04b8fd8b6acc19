//! `GET /api/openapi.json`: what this API is, for programs; the page shows the same to people.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use protocol::api::ApiError;
use protocol::payload::BodyDigest;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    audit, bodies, changes, conversations, events, grants, health, messages, model_key, profile, sign_in,
    tokens, users,
};

/// The document. Every endpoint describes itself, beside its handler; a test holds the list against the router's.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Atelier",
        description = "Conversations with Claude Code, for scripts. docs/api.md has examples.\n\nRefusals are objects with a \
                       `code`, a `message` for logs, and a `request_id` that finds the request in the server's log.",
    ),
    paths(
        health::show,
        sign_in::options,
        sign_in::local,
        sign_in::start,
        sign_in::nonce,
        sign_in::credential,
        sign_in::callback,
        sign_in::out,
        sign_in::out_everywhere,
        profile::show,
        profile::onboard,
        profile::sessions,
        profile::end_session,
        profile::export,
        profile::files,
        profile::erase,
        model_key::show,
        model_key::set,
        model_key::remove,
        audit::own,
        tokens::list,
        tokens::create,
        tokens::revoke,
        conversations::list,
        conversations::create,
        conversations::show,
        conversations::rename,
        conversations::delete,
        grants::give,
        grants::end,
        messages::send,
        messages::show,
        messages::stop,
        messages::answer,
        changes::page,
        changes::stream,
        events::page,
        bodies::chunk,
        users::list,
        users::disable,
        users::enable,
        users::set_role,
        users::erase,
        users::export,
        grants::list,
        grants::page,
        grants::chunk,
        audit::page,
        audit::export,
        show,
    ),
    components(schemas(ApiError, BodyDigest)),
    tags(
        (name = "conversations", description = "Conversations."),
        (name = "messages", description = "What people and scripts send."),
        (name = "events", description = "What happens in a conversation."),
        (name = "you", description = "Whoever asks."),
        (name = "tokens", description = "API tokens."),
        (name = "sign-in", description = "Signing in and out, at the page."),
        (name = "people", description = "People, for operators."),
        (name = "audit", description = "What was done, for operators."),
        (name = "health", description = "Whether everything is there.")
    ),
    modifiers(&Common)
)]
pub struct Document;

/// What all endpoints have in common: how one is let in, and refusals.
struct Common;

/// The statuses that any endpoint may refuse with.
const REFUSALS: [(&str, &str); 9] = [
    ("400", "The request is malformed."),
    ("401", "Nobody is signed in, or the token is not good."),
    ("403", "Not allowed."),
    ("404", "There is no such thing, or it is someone else's."),
    ("408", "The request took too long to come in."),
    ("409", "Someone else changed it first, or the prompt is closed."),
    ("413", "Too large."),
    ("429", "Too many, or too often; Retry-After says when to ask again."),
    ("503", "It can't be done now; trying later may help."),
];

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token."));
        let cookie = ApiKeyValue::with_description(
            "__Host-atelier-session",
            "The session of a browser. Whatever changes something must come from the page's own Origin.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        for item in document.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
            for operation in operations.into_iter().flatten() {
                for (status, words) in REFUSALS {
                    let refusal = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ApiError"))));
                    let refusal =
                        ResponseBuilder::new().description(words).content("application/json", refusal);
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert_with(|| refusal.build().into());
                }
            }
        }
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "health",
    responses((status = 200, content_type = "application/json", description = "It.")),
    security(())
)]
pub async fn show() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], TEXT.as_str()).into_response()
}

//! The link port: enrolment, renewal, the link itself, the model gateway's far end.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::header::{RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use protocol::enrol::{EnrolRequest, RenewRequest};
use protocol::limits::READABLE_BYTES;
use protocol::version::Version;

use crate::app::App;
use crate::gateway::{self, Request};
use crate::links::admission::{self, Denied};
use crate::links::enrol::{self, EnrolError};
use crate::links::session;
use crate::server::{PeerCertificate, RemoteAddress};
use crate::workspace::driver::Event;

/// A refusal on the link port: words for the workspace-agent's log.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        let Self(status, words) = self;
        tracing::warn!(%status, words, "a request on the link port is refused");
        let mut response = (status, words).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, 1.into());
        }
        response
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        let status = match &denied {
            Denied::NoCertificate => StatusCode::UNAUTHORIZED,
            Denied::Unknown | Denied::Revoked | Denied::Lapsed => StatusCode::FORBIDDEN,
            Denied::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, format!("{:#}", anyhow::Error::new(denied)))
    }
}

impl From<EnrolError> for Refused {
    fn from(error: EnrolError) -> Self {
        let status = match error {
            EnrolError::Denied(denied) => return denied.into(),
            EnrolError::Token => StatusCode::FORBIDDEN,
            EnrolError::Request(_) => StatusCode::BAD_REQUEST,
            EnrolError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, format!("{:#}", anyhow::Error::new(error)))
    }
}

/// `POST /enrol`.
pub async fn enrol(
    State(app): State<Arc<App>>,
    Extension(RemoteAddress(remote)): Extension<RemoteAddress>,
    Json(request): Json<EnrolRequest>,
) -> Response<Body> {
    if let Err(error) = app.pace.enrolment(remote.ip()) {
        return error.into_response();
    }
    match enrol::enrol(&*app.store, &app.authority, &request).await {
        Ok((workspace, certificate)) => {
            app.workspaces.tell(workspace.id, Event::Enrolled);
            Json(certificate).into_response()
        }
        Err(error) => Refused::from(error).into_response(),
    }
}

/// `POST /renew`.
pub async fn renew(
    State(app): State<Arc<App>>,
    Extension(PeerCertificate(peer)): Extension<PeerCertificate>,
    Json(request): Json<RenewRequest>,
) -> Response<Body> {
    match enrol::renew(&*app.store, &app.authority, peer.as_ref(), &request).await {
        Ok(certificate) => Json(certificate).into_response(),
        Err(error) => Refused::from(error).into_response(),
    }
}

/// `GET /link`: the link.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(PeerCertificate(peer)): Extension<PeerCertificate>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let workspace = match admission::admit(&*app.store, peer.as_ref()).await {
        Ok(workspace) => workspace,
        Err(denied) => return Refused::from(denied).into_response(),
    };
    let offered =
        headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|offered| offered.to_str().ok()).unwrap_or_default();
    let Some(version) = Version::negotiate(offered) else {
        let words = format!("no protocol version in common: {offered:?} is offered");
        return Refused(StatusCode::BAD_REQUEST, words).into_response();
    };
    upgrade
        .protocols([version.subprotocol()])
        .read_buffer_size(4 * 1024)
        .max_message_size(READABLE_BYTES)
        .max_frame_size(READABLE_BYTES)
        .on_upgrade(move |socket| session::serve(app, workspace, socket))
}

/// `/model/{conversation}/v1/…`: the model gateway.
pub async fn model(
    State(app): State<Arc<App>>,
    Extension(PeerCertificate(peer)): Extension<PeerCertificate>,
    Path(conversation): Path<String>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Body,
) -> Response<Body> {
    let workspace = match admission::admit(&*app.store, peer.as_ref()).await {
        Ok(workspace) => workspace,
        Err(Denied::Store(_)) => return gateway::hold(),
        Err(denied) => return Refused::from(denied).into_response(),
    };
    let query = uri.query().map(str::to_owned);
    let path = uri.path().strip_prefix("/model/").and_then(|rest| rest.split_once('/'));
    let path = path.map(|(_, path)| format!("/{path}")).unwrap_or_default();
    let request = Request {
        workspace: workspace.id,
        user: workspace.user,
        conversation: conversation.parse().ok(),
        method,
        path,
        query,
        headers,
        body,
    };
    app.gateway.forward(request).await
}

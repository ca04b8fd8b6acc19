//! What endpoints take: JSON with refusals in the API's own form, and the caller's workspace.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use protocol::UserId;
use protocol::close::ErrorCode;
use serde::de::DeserializeOwned;

use crate::app::App;
pub use crate::auth::guard::Acting;
use crate::auth::guard::{self, Passed};
use crate::clock;
use crate::error::ApiError;
use crate::hub::workspace::WorkspaceHub;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<Arc<App>> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let passed: Option<Passed> = request.extensions().get().cloned();
        let read = axum::Json::from_request(request, app).await;
        if let Some(passed) = passed {
            guard::hold(app, &passed).await?;
        }
        match read {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
                let code = if too_large { ErrorCode::TooLarge } else { ErrorCode::Invalid };
                Err(ApiError::new(code, rejection.body_text()))
            }
        }
    }
}

/// Parameters in the path.
#[derive(Clone, Copy, Debug)]
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A malformed id is the id of nothing.
        let missing = |_| ApiError::new(ErrorCode::NotFound, "there is no such thing");
        Path::from_request_parts(parts, app).await.map(|Path(value)| Self(value)).map_err(missing)
    }
}

/// Parameters in the query.
#[derive(Clone, Copy, Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let invalid = |rejection: axum::extract::rejection::QueryRejection| {
            ApiError::new(ErrorCode::Invalid, rejection.body_text())
        };
        Query::from_request_parts(parts, app).await.map(|Query(value)| Self(value)).map_err(invalid)
    }
}

/// The user's workspace. Everyone who signs in has one; it runs only once something is wanted of it.
pub async fn workspace_of(app: &Arc<App>, user: UserId) -> Result<Arc<WorkspaceHub>, ApiError> {
    let record = match app.store.workspace_of(user).await? {
        Some(record) => record,
        None => {
            let engine = &app.config.engine;
            let (uids, networks) = (engine.uids.clone(), engine.subnets.count());
            app.store.create_workspace(user, uids, networks, clock::now()).await?
        }
    };
    Ok(app.workspaces.drive(record, None).await?)
}

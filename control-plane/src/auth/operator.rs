//! Who is an operator: the one rule, for requests and for sockets.

use protocol::api::Role;
use protocol::close::ErrorCode;

use super::session::CurrentUser;
use crate::app::App;
use crate::error::ApiError;
use crate::store::records::UserRecord;

/// An operator. As a handler's argument it refuses everyone else.
#[derive(Clone, Debug)]
pub struct Operator(pub CurrentUser);

impl Operator {
    /// Whether they still are one, as the store has it now.
    ///
    /// # Errors
    /// `Forbidden` when they are not; `Unavailable` when the store can't say.
    pub async fn still(&self, app: &App) -> Result<(), ApiError> {
        let user = app.store.user(self.0.user.id).await?;
        if is_one(&user) { Ok(()) } else { Err(refusal()) }
    }

    /// Whether they have ceased to be one; no, while the store can't say.
    pub async fn is_none_any_more(&self, app: &App) -> bool {
        let error = self.still(app).await.err();
        error.is_some_and(|error| matches!(error.code(), ErrorCode::Forbidden | ErrorCode::NotFound))
    }

    /// Lets an operator pass.
    ///
    /// # Errors
    /// `Forbidden` for anyone else.
    pub(super) fn check(user: CurrentUser) -> Result<Self, ApiError> {
        if is_one(&user.user) { Ok(Self(user)) } else { Err(refusal()) }
    }
}

fn is_one(user: &UserRecord) -> bool {
    user.role == Role::Operator && !user.disabled
}

fn refusal() -> ApiError {
    ApiError::new(ErrorCode::Forbidden, "this is for operators only")
}

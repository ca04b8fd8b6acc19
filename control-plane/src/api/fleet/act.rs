//! What an operator does to a workspace. It is written down before it is done.

use protocol::WorkspaceId;
use protocol::close::ErrorCode;
use protocol::fleet::Act;
use serde_json::json;

use crate::app::App;
use crate::auth::operator::Operator;
use crate::clock;
use crate::error::ApiError;
use crate::hub::workspace::WorkspaceHub;
use crate::store::records::AuditEntry;
use crate::workspace::Workspaces;
use crate::workspace::policy::{Answer, Ask};

/// Carries out an act, if it makes sense, comes not too soon, and whoever wants it is still an operator.
pub(super) async fn carry_out(
    app: &App,
    operator: &Operator,
    workspace: WorkspaceId,
    seen: u64,
    act: Act,
) -> Result<(), ApiError> {
    operator.still(app).await?;
    app.pace.write(operator.0.user.id)?;
    let gone = || ApiError::new(ErrorCode::NotFound, "there is no such workspace");
    let hub = app.hubs.get(workspace).ok_or_else(gone)?;
    let (ask, kind) = match act {
        Act::Stop => (Ask::Stop, "workspace_stopped"),
        Act::Restart => (Ask::Restart, "workspace_restarted"),
    };
    match Workspaces::would(&hub, ask, seen) {
        Answer::Ignore => Ok(()),
        Answer::Refuse => Err(ApiError::new(ErrorCode::Conflict, "the workspace is being deleted")),
        Answer::Accept => {
            app.store.append_audit(&entry(operator, &hub, kind)).await?;
            tracing::info!(%workspace, operator = %operator.0.user.id, kind, "an operator acts");
            app.workspaces.ask_as_operator(&hub, ask, seen);
            Ok(())
        }
    }
}

fn entry(operator: &Operator, hub: &WorkspaceHub, kind: &str) -> AuditEntry {
    let detail = json!({ "user": hub.user(), "found": hub.status().phase, "conversations": hub.counts() });
    AuditEntry {
        at: clock::now(),
        who: operator.0.user.id.to_string(),
        kind: kind.to_owned(),
        object: hub.id().to_string(),
        detail,
    }
}

//! Removing what is too much for one call.
//!
//! First, in one commit, what is removed ceases to be there for everyone, and a gravestone says what is left of it. Then
//! the rest is swept away, so many documents a call, and the gravestone last. A sweep that is cut off is finished by the
//! next [`tidy`](super::super::Store::tidy). Nothing that is swept can be in use again: a conversation's documents are
//! named after a *body* that is never used twice, and ids of workspaces and users are never given twice.

use protocol::{Millis, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::super::{Conversations, Result, StoreError, Workspaces};
use super::Firestore;
use super::access::of_user;
use super::client::{Again, WRITES};
use super::conversations::Body;
use super::doc::{Doc, Fields};
use super::query::Query;
use super::write::Change;
use super::{conversations, outbox, workspaces};

/// How many graves are read at a time.
const GRAVES: usize = 50;
/// How many conversations of a removed workspace are read at a time.
const CONVERSATIONS: usize = 50;

/// What was removed and has something left to be swept away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Grave {
    /// A user.
    User {
        /// Who.
        id: UserId,
        /// Their workspace.
        workspace: Option<String>,
    },
    /// A workspace.
    Workspace {
        /// Which.
        id: WorkspaceId,
    },
    /// What a conversation consisted of.
    Body {
        /// Its name.
        body: Body,
    },
}

impl Grave {
    fn path(&self) -> String {
        match self {
            Self::User { id, .. } => format!("graves/user-{id}"),
            Self::Workspace { id } => format!("graves/workspace-{id}"),
            Self::Body { body } => format!("graves/body-{body}"),
        }
    }
}

impl Firestore {
    /// Sets a gravestone.
    pub(super) fn dig(&self, grave: &Grave) -> Result<Change> {
        Ok(self.client.set(&grave.path(), Fields::default().json("grave", grave)?))
    }

    /// Sweeps behind a gravestone, if it is there; if not, there was nothing to remove.
    pub(super) async fn sweep_if_dug(&self, grave: &Grave) -> Result<()> {
        let doc = self.client.need(&grave.path()).await?;
        self.sweep(&doc.json("grave")?).await
    }

    /// Removes what is left of something, and then its gravestone.
    pub(super) async fn sweep(&self, grave: &Grave) -> Result<()> {
        match grave {
            Grave::User { id, workspace } => self.sweep_user(*id, workspace.as_deref()).await?,
            Grave::Workspace { id } => self.sweep_workspace(*id).await?,
            Grave::Body { body } => self.sweep_body(body).await?,
        }
        self.client.done(vec![self.client.delete(&grave.path())], Again::Harmless).await.map(drop)
    }

    /// Sweeps behind every gravestone.
    pub(super) async fn sweep_graves(&self) -> Result<()> {
        loop {
            let graves = self.client.query(Query::all("graves").limit(GRAVES)).await?;
            if graves.is_empty() {
                return Ok(());
            }
            for doc in graves {
                self.sweep(&doc.json("grave")?).await?;
            }
        }
    }

    /// Removes what let people in and does not any more.
    pub(super) async fn sweep_expired(&self, now: Millis) -> Result<()> {
        for collection in ["codes", "sessions", "enrolments"] {
            self.sweep_found(Query::all(collection).at_most("expires_at", now)).await?;
        }
        Ok(())
    }

    /// Removes all documents that a query finds.
    pub(super) async fn sweep_found(&self, query: Query) -> Result<()> {
        while !self.sweep_some(query.clone()).await?.is_empty() {}
        Ok(())
    }

    /// Removes as many of the documents that a query finds as one call takes, and says which they were.
    pub(super) async fn sweep_some(&self, query: Query) -> Result<Vec<Doc>> {
        let found = self.client.query(query.only(&[]).limit(WRITES)).await?;
        if !found.is_empty() {
            let deletes = found.iter().map(|doc| self.client.delete(&doc.path)).collect();
            self.client.done(deletes, Again::Harmless).await?;
        }
        Ok(found)
    }

    async fn sweep_user(&self, id: UserId, workspace: Option<&str>) -> Result<()> {
        for collection in ["sessions", "api_tokens", "user_secrets"] {
            self.sweep_found(of_user(collection, id)).await?;
        }
        if let Some(workspace) = workspace {
            let workspace = WorkspaceId(workspace.parse().map_err(StoreError::malformed)?);
            unless_gone(self.delete_workspace(workspace).await)?;
        }
        self.hide_person(id).await
    }

    async fn sweep_workspace(&self, id: WorkspaceId) -> Result<()> {
        loop {
            let found = self.client.query(conversations::of(id).only(&[]).limit(CONVERSATIONS)).await?;
            if found.is_empty() {
                break;
            }
            for doc in found {
                unless_gone(self.delete_conversation(protocol::ConversationId(doc.own_id()?)).await)?;
            }
        }
        self.sweep_found(Query::below(&workspaces::path(id), "usage")).await
    }

    async fn sweep_body(&self, body: &Body) -> Result<()> {
        self.sweep_found(outbox::of(body)).await?;
        for collection in ["notices", "segments", "chunks", "texts"] {
            self.sweep_found(Query::below(&body.path(), collection)).await?;
        }
        Ok(())
    }
}

/// Someone else has removed it: as good as done.
fn unless_gone(done: Result<()>) -> Result<()> {
    match done {
        Err(StoreError::NotFound) => Ok(()),
        done => done,
    }
}

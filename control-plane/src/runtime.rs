//! What a container engine is asked for: a few verbs, so that engines of many nodes can serve them too.
//!
//! A verb names a workspace, never a container: which containers, networks and volumes there are for it is the
//! engine's side's business. Every verb may be repeated.

pub mod docker;

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use protocol::{Millis, WorkspaceId};

/// How one workspace is to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Which.
    pub workspace: WorkspaceId,
    /// The uid and gid of everything of the user's.
    pub uid: u32,
    /// Which of the configured networks is its own.
    pub network: u32,
    /// The enrolment token's file for this start.
    pub token: Vec<u8>,
}

/// One life of a workspace: what was made for one start, as told apart from what was made for the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life(pub String);

/// What was found of a workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Which.
    pub workspace: WorkspaceId,
    /// Since when it runs, if it does.
    pub running: Option<Millis>,
}

/// What happened to a workspace, as the engine tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happened {
    /// It ended.
    Died {
        /// Which.
        workspace: WorkspaceId,
        /// Which life of it. The engine may tell so late that another has begun.
        life: Life,
        /// The exit status.
        code: i64,
    },
    /// Its memory ran out and the kernel ended something in it.
    OutOfMemory {
        /// Which.
        workspace: WorkspaceId,
    },
    /// Events may have been missed: the engine was away.
    Gap,
}

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It does not answer.
    #[error("the container engine does not answer: {0}")]
    Down(String),
    /// The workspace image is not there.
    #[error("the image {0} is not there")]
    ImageMissing(String),
    /// The network wall could not be put up.
    #[error("the network wall could not be put up: {0}")]
    Wall(String),
    /// It refused.
    #[error("the container engine refused: {0}")]
    Refused(String),
}

/// Bytes that come in pieces. After an error there are no more.
pub type Pieces = BoxStream<'static, Result<Bytes, RuntimeError>>;

/// A container engine.
#[async_trait]
pub trait Runtime: std::fmt::Debug + Send + Sync + 'static {
    /// Answers if it can serve.
    async fn check(&self) -> Result<(), RuntimeError>;
    /// Has the network wall stand as it is configured, whatever became of it.
    async fn wall(&self) -> Result<(), RuntimeError>;
    /// Answers if the workspace image is there.
    async fn image(&self) -> Result<(), RuntimeError>;
    /// Makes everything that the workspace needs, behind the network wall, anew where that is safe, and leaves the
    /// token for PID 1. The user's data stays. Refuses while the workspace runs.
    async fn create(&self, spec: &Spec) -> Result<Life, RuntimeError>;
    /// Starts it.
    async fn start(&self, workspace: WorkspaceId) -> Result<(), RuntimeError>;
    /// Stops it: politely, then by force. The data stays.
    async fn stop(&self, workspace: WorkspaceId) -> Result<(), RuntimeError>;
    /// Removes it with its data.
    async fn destroy(&self, workspace: WorkspaceId, network: u32) -> Result<(), RuntimeError>;
    /// The last words of its log.
    async fn last_words(&self, workspace: WorkspaceId) -> String;
    /// Which life of the workspace runs, if any.
    async fn running(&self, workspace: WorkspaceId) -> Result<Option<Life>, RuntimeError>;
    /// Every workspace there is something of.
    async fn list(&self) -> Result<Vec<Found>, RuntimeError>;
    /// What happens from now on. Ends when the engine goes away.
    fn events(&self) -> BoxStream<'static, Happened>;
    /// The user's files as a tar archive, whether the workspace runs or not; `None` if there are none yet. It is made while it
    /// is read.
    async fn files(&self, workspace: WorkspaceId) -> Result<Option<Pieces>, RuntimeError>;
    /// Removes what a control plane that ended in the midst of something has left.
    async fn tidy(&self) -> Result<(), RuntimeError>;
    /// How many bytes are free on the disk that the workspaces' data is on.
    async fn disk_free(&self) -> Result<u64, RuntimeError>;
    /// How many bytes of that disk each workspace takes up. Slow.
    async fn disk_usage(&self) -> Result<HashMap<WorkspaceId, u64>, RuntimeError>;
}

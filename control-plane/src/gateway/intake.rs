//! How requests come in: so many of a workspace at a time, so many bytes at a time, and none for ever. A request's body
//! has to be held, since it names the model, so memory is what hostile code would go for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{self, Body, Bytes, HttpBody};
use protocol::WorkspaceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::policy;
use super::{REQUEST_BYTES, Refusal};

/// How long a request may take to come in, waiting for room for it included.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the requests of one workspace may take while they are sent on, in KiB: two of the largest.
const WORKSPACE_KIB: usize = 2 * REQUEST_BYTES / 1024;
/// What those of all may take.
const ALL_KIB: usize = 512 * 1024;

/// The way in.
#[derive(Debug)]
pub struct Intake {
    at_a_time: usize,
    kib: Arc<Semaphore>,
    workspaces: Mutex<HashMap<WorkspaceId, Arc<Workspace>>>,
}

#[derive(Debug)]
struct Workspace {
    requests: Arc<Semaphore>,
    kib: Arc<Semaphore>,
}

/// A request's place among those of its workspace, to be kept until it is answered.
#[derive(Debug)]
pub struct Place {
    workspace: Arc<Workspace>,
    _request: OwnedSemaphorePermit,
}

/// A request's body, and the room that it takes.
#[derive(Debug)]
pub struct Held {
    /// The body.
    pub body: Bytes,
    _room: [OwnedSemaphorePermit; 2],
}

impl Intake {
    /// A way in for so many requests of a workspace at a time.
    pub fn new(at_a_time: usize) -> Self {
        Self { at_a_time, kib: Arc::new(Semaphore::new(ALL_KIB)), workspaces: Mutex::default() }
    }

    /// A place for one more request of a workspace.
    ///
    /// # Errors
    /// When it has too many already.
    pub fn place(&self, workspace: WorkspaceId) -> Result<Place, Refusal> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = Arc::clone(workspaces.entry(workspace).or_insert_with(|| {
            Arc::new(Workspace {
                requests: Arc::new(Semaphore::new(self.at_a_time)),
                kib: Arc::new(Semaphore::new(WORKSPACE_KIB)),
            })
        }));
        let request = Arc::clone(&workspace.requests).try_acquire_owned();
        let request = request.map_err(|_| policy::too_many(self.at_a_time))?;
        Ok(Place { workspace, _request: request })
    }

    /// Reads a body once there is room for it.
    ///
    /// # Errors
    /// When it is too large, of unknown length, or does not come.
    pub async fn read(&self, place: &Place, body: Body) -> Result<Held, Refusal> {
        let length = body.size_hint().exact().ok_or_else(policy::no_length)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= REQUEST_BYTES);
        let length = length.ok_or_else(policy::too_large)?;
        let read = async {
            let room = [self.room(&place.workspace.kib, length).await?, self.room(&self.kib, length).await?];
            let body = body::to_bytes(body, length).await.map_err(|_| policy::cut_off())?;
            Ok(Held { body, _room: room })
        };
        tokio::time::timeout(PATIENCE, read).await.map_err(|_| policy::too_slow())?
    }

    async fn room(&self, of: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let kib = u32::try_from(bytes.div_ceil(1024)).map_err(|_| policy::too_large())?;
        // It is never closed.
        Arc::clone(of).acquire_many_owned(kib).await.map_err(|_| policy::too_slow())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use futures_util::stream;
    use uuid::Uuid;

    use super::*;

    const ONE: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
    const OTHER: WorkspaceId = WorkspaceId(Uuid::from_u128(2));

    fn endless() -> Body {
        Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x"))))
    }

    #[tokio::test]
    async fn a_workspace_with_too_many_requests_keeps_out_itself_alone() {
        let intake = Intake::new(2);
        let places = [intake.place(ONE).unwrap(), intake.place(ONE).unwrap()];
        assert_eq!(intake.place(ONE).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(intake.place(OTHER).is_ok());
        drop(places);
        assert!(intake.place(ONE).is_ok());
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_other_workspaces_do_not_wait_with_them() {
        let intake = Intake::new(8);
        let place = intake.place(ONE).unwrap();
        let largest = || Body::from(vec![0; REQUEST_BYTES]);
        let first = intake.read(&place, largest()).await.unwrap();
        let _second = intake.read(&place, largest()).await.unwrap();
        let other = intake.place(OTHER).unwrap();
        tokio::select! {
            biased;
            _ = intake.read(&place, largest()) => panic!("there was room"),
            held = intake.read(&other, largest()) => assert_eq!(held.unwrap().body.len(), REQUEST_BYTES),
        }
        drop(first);
        assert!(intake.read(&place, largest()).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_too_large_or_of_unknown_length_is_refused_unread() {
        let intake = Intake::new(8);
        let place = intake.place(ONE).unwrap();
        let refused = intake.read(&place, Body::from(vec![0; REQUEST_BYTES + 1])).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(intake.read(&place, endless()).await.unwrap_err().status, StatusCode::LENGTH_REQUIRED);
    }
}

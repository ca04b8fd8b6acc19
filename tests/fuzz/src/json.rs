//! JSON that comes in: bodies of HTTP requests, and text messages on both sockets.

use protocol::api::{CreateConversation, RenameConversation};
use protocol::enrol::{EnrolRequest, RenewRequest, TokenFile};
use protocol::event::Event;
use protocol::link::{FromAgent, FromControl};
use protocol::people::LocalSignIn;
use protocol::viewer::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is understood says the same when it is written and read again.
///
/// # Panics
/// When it does not.
pub fn run(bytes: &[u8]) {
    again::<Request>(bytes);
    again::<FromAgent>(bytes);
    again::<FromControl>(bytes);
    again::<Event>(bytes);
    again::<CreateConversation>(bytes);
    again::<RenameConversation>(bytes);
    again::<LocalSignIn>(bytes);
    again::<EnrolRequest>(bytes);
    again::<RenewRequest>(bytes);
    again::<TokenFile>(bytes);
}

fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let read: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&read).expect("and written once more"), written);
}

//! Why a socket was closed, and the codes of refusals: one table for Rust and TypeScript.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// WebSocket close codes of the link and of viewers (the private range, 4000–4999). Numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum CloseCode {
    /// The peer broke the protocol: a malformed frame, a gap in the log, an unexpected message.
    Protocol = 4000,
    /// No protocol version in common.
    Version = 4001,
    /// Signed out, disabled or expired: sign in again.
    SignedOut = 4002,
    /// The certificate was revoked or the workspace is gone. Redialling is pointless.
    Revoked = 4003,
    /// A newer link of the same workspace took over. Redialling is pointless: the newer one serves.
    Superseded = 4004,
    /// The server is going away and will be back: dial again.
    Draining = 4005,
    /// A frame was larger than the protocol allows.
    TooLarge = 4006,
    /// Nothing was heard for too long.
    Silent = 4007,
    /// The server failed in a way that is its own fault. Dial again.
    Internal = 4008,
}

impl CloseCode {
    /// The code on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code that a peer sent, if it is one of ours.
    pub fn from_number(number: u16) -> Option<Self> {
        [
            Self::Protocol,
            Self::Version,
            Self::SignedOut,
            Self::Revoked,
            Self::Superseded,
            Self::Draining,
            Self::TooLarge,
            Self::Silent,
            Self::Internal,
        ]
        .into_iter()
        .find(|code| code.number() == number)
    }
}

/// Why a request was refused. The page has a sentence for each in every language; the text beside it is for logs
/// and scripts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed.
    Invalid,
    /// Not signed in, or not any more.
    SignedOut,
    /// Signed in, but not allowed.
    Forbidden,
    /// There is no such thing, or it is someone else's: the two are not told apart.
    NotFound,
    /// Someone else changed it first; look again.
    Conflict,
    /// Larger than allowed.
    TooLarge,
    /// A limit on how many there may be, or how often, was reached.
    TooMany,
    /// The workspace, the store or the engine can't do it now; trying later may help.
    Unavailable,
    /// The prompt was answered or withdrawn before this answer came.
    PromptClosed,
    /// The server's own fault. The request id finds it in the log.
    Internal,
}

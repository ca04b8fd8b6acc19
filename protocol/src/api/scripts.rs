//! What scripts send, and how they follow a conversation: the viewer's socket without a socket.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::notice::Notice;
use crate::outbox::Item;
use crate::prompt::Decision;
use crate::viewer::{Because, Cursor};
use crate::{ItemId, Position, PromptId};

/// A message to Claude.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendMessage {
    /// Its id, a UUID made by the client. Sending the same id again changes nothing; without one, each request is another
    /// message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
    /// What it says.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 262144))]
    pub text: String,
    /// Give it to the running turn instead of waiting for its end.
    #[serde(default)]
    pub steer: bool,
}

/// An answer to a prompt, in the name of the person whose token it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnswerPrompt {
    /// The answer's own id, a UUID made by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
    /// The prompt.
    pub prompt: PromptId,
    /// The answer.
    pub decision: Decision,
}

/// A request to stop the running turn.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopTurn {
    /// The stop's own id, a UUID made by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
}

/// What was sent, safe in the store.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sent {
    /// It, and how far it has come.
    pub item: Item,
    /// Follow the conversation from here to see what becomes of it.
    pub cursor: String,
}

/// What has happened in a conversation since a cursor.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Give this as `cursor` to get what follows.
    pub cursor: String,
    /// There is more at once.
    pub more: bool,
    /// Events may be missing before these, and why; those are asked for as pages of the log. Absent: these follow what
    /// the cursor stood for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Because>,
    /// Events, in order and without holes: objects with a number `n`, a time `at`, a `kind`, and the kind's fields.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<serde_json::Value>))]
    pub events: Vec<Box<RawValue>>,
    /// What people sent that is new or changed since.
    pub items: Vec<Item>,
    /// Notices that are new since.
    pub notices: Vec<Notice>,
}

/// A cursor's text is not that of a cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoCursor;

impl fmt::Display for NoCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor is four numbers with dots between them, as an answer had them")
    }
}

impl std::error::Error for NoCursor {}

/// Its text, for scripts: epoch, event, outbox, notice.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log: Position { epoch, n }, outbox, notice } = self;
        write!(f, "{epoch}.{n}.{outbox}.{notice}")
    }
}

/// Numbers larger than the store can count to are no cursor's.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= i64::MAX.unsigned_abs())
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let mut numbers = text.split('.').map(number);
        let mut next = || numbers.next().flatten().ok_or(NoCursor);
        let cursor = Self { log: Position { epoch: next()?, n: next()? }, outbox: next()?, notice: next()? };
        if numbers.next().is_none() { Ok(cursor) } else { Err(NoCursor) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(numbers in prop::array::uniform4(0..=i64::MAX.unsigned_abs())) {
            let [epoch, n, outbox, notice] = numbers;
            let cursor = Cursor { log: Position { epoch, n }, outbox, notice };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_refused(text in "[0-9.+ -]{0,24}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                let Cursor { log, outbox, notice } = cursor;
                let numbers: Vec<u64> = text.split('.').map(|part| part.parse().unwrap()).collect();
                prop_assert_eq!(numbers, [log.epoch, log.n, outbox, notice]);
            }
        }
    }

    #[test]
    fn what_no_store_can_count_to_is_no_cursor() {
        for text in ["", "1.2.3", "1.2.3.4.5", "1.2.3.-4", "1.2.3.+4", "1.2.3.9223372036854775808", "a.b.c.d"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(NoCursor), "{text}");
        }
        assert!("1.2.3.9223372036854775807".parse::<Cursor>().is_ok());
    }
}

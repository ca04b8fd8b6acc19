//! A connection between workspace-agent and control plane: two queues that keep their order, and can be cut.

use std::collections::VecDeque;

use protocol::link::{FromAgent, FromControl};

/// What the workspace-agent sends.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    /// A JSON message.
    Message(FromAgent),
    /// A binary frame.
    Frame(Vec<u8>),
}

/// One connection. Each side notices its end for itself, perhaps much later.
#[derive(Debug, Default)]
pub(crate) struct Conn {
    pub(crate) up: VecDeque<Up>,
    pub(crate) down: VecDeque<FromControl>,
    /// Nothing more arrives from here on.
    pub(crate) cut: bool,
    /// The control plane has closed it, or is gone.
    pub(crate) closed_by_plane: bool,
    /// The workspace-agent has left it, or is gone.
    pub(crate) left_by_agent: bool,
}

impl Conn {
    /// The network fails: what is under way is lost.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
        self.up.clear();
        self.down.clear();
    }

    /// Whether the control plane has nothing more to expect of it.
    pub(crate) fn is_over_for_plane(&self) -> bool {
        self.up.is_empty() && (self.cut || self.left_by_agent)
    }

    /// Whether the workspace-agent has nothing more to expect of it.
    pub(crate) fn is_over_for_agent(&self) -> bool {
        self.down.is_empty() && (self.cut || self.closed_by_plane)
    }
}

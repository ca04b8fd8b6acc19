//! How much of a log is read at once: so many events and so many bytes, whichever is reached first. Every kind of store goes by
//! this.

use super::records::Segment;

/// Where a log is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum At {
    /// Below this event, the newest first.
    Before(u64),
    /// Above this event, the oldest first.
    After(u64),
}

/// What was read of a log, and how much more is wanted.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    at: At,
    events: u64,
    bytes: usize,
    full: bool,
    segments: Vec<Segment>,
}

impl Pages {
    /// The newest below an event.
    pub(super) const fn before(before: u64, events: u64, bytes: usize) -> Self {
        Self { at: At::Before(before), events, bytes, full: false, segments: Vec::new() }
    }

    /// The oldest above an event.
    pub(super) const fn after(after: u64, events: u64, bytes: usize) -> Self {
        Self { at: At::After(after), events, bytes, full: false, segments: Vec::new() }
    }

    /// Where reading goes on.
    pub(super) const fn at(&self) -> At {
        self.at
    }

    /// Whether no more is wanted.
    pub(super) const fn is_full(&self) -> bool {
        self.full || self.events == 0
    }

    /// Whether there is room for one of that size. There always is for the first.
    pub(super) const fn has_room(&self, bytes: usize) -> bool {
        self.segments.is_empty() || bytes <= self.bytes
    }

    /// The next one has no room.
    pub(super) const fn close(&mut self) {
        self.full = true;
    }

    /// Takes the next one.
    pub(super) fn push(&mut self, segment: Segment) {
        let wanted = match &mut self.at {
            At::Before(before) => {
                let wanted = (segment.last + 1).min(*before).saturating_sub(segment.first);
                *before = segment.first;
                wanted
            }
            At::After(after) => {
                let wanted = segment.last.saturating_sub((*after).max(segment.first - 1));
                *after = segment.last;
                wanted
            }
        };
        self.events = self.events.saturating_sub(wanted);
        self.bytes = self.bytes.saturating_sub(segment.lines.len());
        self.segments.push(segment);
    }

    /// What was read.
    pub(super) fn segments(self) -> Vec<Segment> {
        self.segments
    }
}

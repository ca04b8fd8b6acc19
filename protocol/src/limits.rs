//! Every bound of the protocol, with the reason for its value.

/// The largest event, serialised. Small enough that a page of events is quick on a phone and that one event can
/// never crowd out another conversation's.
pub const EVENT_BYTES: usize = 64 * 1024;

/// What one payload may put into an event before it is cut. Three fit in an event beside its other fields.
pub const INLINE_BYTES: usize = 18 * 1024;

/// What a cut payload keeps of its beginning and of its end.
pub const HEAD_BYTES: usize = 6 * 1024;
/// See [`HEAD_BYTES`].
pub const TAIL_BYTES: usize = 2 * 1024;

/// How deep JSON of others may be nested inside an event or a message. Parsers give up at 128 levels, and what is
/// embedded lies some levels down.
pub const NESTING: usize = 64;

/// One chunk of a cut payload's body, and one segment of a log: half of what Firestore takes in a document.
pub const CHUNK_BYTES: usize = 512 * 1024;
/// See [`CHUNK_BYTES`].
pub const SEGMENT_BYTES: usize = 512 * 1024;

/// The longest line taken from a CLI. Lines of 11 MB are real (a large file written again); beyond this a line
/// is dropped with an event that says so.
pub const LINE_BYTES: usize = 32 * 1024 * 1024;

/// The largest message a person may send. About 60,000 words; more belongs into a file.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// What a message may take inside JSON: every character escaped once, as quotes and line ends are. Only text that is
/// mostly control characters takes more, and would not fit into a frame.
pub const MESSAGE_JSON_BYTES: usize = 2 * MESSAGE_BYTES;

/// The largest answer to a prompt, as JSON: it is part of the event that tells of it.
pub const DECISION_BYTES: usize = 48 * 1024;

/// How many messages may wait in one conversation's outbox.
pub const OUTBOX_ITEMS: usize = 200;

/// What the messages that wait in one conversation's outbox may take in all. Every viewer that attaches is sent them.
pub const OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// Refused items that a newcomer is shown, the newest ones.
pub const REFUSED_SHOWN: usize = 50;

/// The longest title of a conversation, in bytes: 60 Korean characters fit.
pub const TITLE_BYTES: usize = 240;

/// The largest WebSocket message on the link: a full segment or chunk with its header.
pub const LINK_FRAME_BYTES: usize = 1024 * 1024;

/// The largest WebSocket message that is read at all. What is above the protocol's limits but below this gets a clear
/// refusal; above it the connection just ends, since what follows can't be told apart.
pub const READABLE_BYTES: usize = 4 * 1024 * 1024;

/// Events that a workspace-agent may have sent beyond the last acknowledged one, in bytes. It bounds what the
/// control plane holds for a conversation while its store is slow.
pub const UNSTORED_BYTES: usize = 4 * 1024 * 1024;

/// What the log of one conversation may take in its whole life, with all bodies. Ten thousand pictures fit; a program that
/// writes as fast as it can has to stop somewhere.
pub const LOG_BYTES: u64 = 1024 * 1024 * 1024;

/// Live (not yet final) text kept for one block. Beyond it the block shows its beginning until it is final.
pub const LIVE_BLOCK_BYTES: usize = 1024 * 1024;

/// Live text kept for one conversation in all.
pub const LIVE_BYTES: usize = 2 * LIVE_BLOCK_BYTES;

/// The largest piece of live text in one message, as JSON.
pub const DELTA_BYTES: usize = 64 * 1024;

/// Live blocks of one conversation at a time: the main thread's message and those of parallel tool calls.
pub const LIVE_BLOCKS: usize = 64;

/// Conversations of one workspace. Each costs a row and, while it is open, a ring.
pub const CONVERSATIONS: usize = 5_000;

/// Conversations one viewer may have open at a time.
pub const OPEN_CONVERSATIONS: usize = 8;

/// Terminals of one workspace. Each costs a ring, a model of its screen, and whatever runs in it.
pub const TERMINALS: usize = 16;

/// What a terminal printed last, kept by the workspace-agent and by the hub each. A link that was away for seconds is
/// made up for from it, unless something printed as fast as it could.
pub const RING_BYTES: usize = 1024 * 1024;

/// The most that may be under way to the fastest viewer. A gigabit over 4 ms; the hub gives slow viewers far less.
pub const CREDIT_BYTES: usize = 512 * 1024;

/// One output frame's bytes, and one part of a snapshot: so little that whatever is more urgent need not wait for it.
pub const OUTPUT_BYTES: usize = 16 * 1024;

/// One input frame's bytes.
pub const INPUT_BYTES: usize = 16 * 1024;

/// What one source may have typed or pasted that the program has not taken.
pub const INPUT_WINDOW_BYTES: usize = 64 * 1024;

/// A whole snapshot. The largest screen fits, with every cell in another colour; what doesn't is left off the scrollback,
/// the oldest lines first, and then off the screen that isn't shown.
pub const SNAPSHOT_BYTES: usize = 5 * 1024 * 1024;

/// Lines of scrollback that the model keeps, and a snapshot has.
pub const SCROLLBACK_LINES: usize = 1_000;

/// The narrowest terminal: one wide character.
pub const MIN_COLS: u16 = 2;
/// The widest.
pub const MAX_COLS: u16 = 500;
/// The lowest.
pub const MIN_ROWS: u16 = 1;
/// The highest.
pub const MAX_ROWS: u16 = 200;

/// How long a terminal that nobody watches may do nothing, unless the operator says otherwise.
pub const TERMINAL_IDLE_MS: u64 = 12 * 3_600_000;

/// A window title, as far as it is kept.
pub const TERMINAL_TITLE_BYTES: usize = 256;

//! What the store keeps, as plain data.

mod audit;
mod conversations;
mod people;
mod workspaces;

pub use self::audit::{AuditEntry, AuditFilter, AuditFrom, AuditPage, AuditRecord};
pub use self::conversations::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
pub use self::people::{
    ApiTokenId, ApiTokenRecord, Identity, NOTED_EVERY_MS, Profile, SecretName, SessionId, SessionRecord,
    UserRecord,
};
pub use self::workspaces::{Certificates, Last, Lease, UsageKey, UsageRecord, Wanted, WorkspaceRecord};

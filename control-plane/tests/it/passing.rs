//! Stores that stand before another one: they pass everything on but what a test is about.

/// Implements a part of the store for a type that has another store as its field `store`: what is written out, and the
/// rest by passing it on. Named alone, a part is passed on whole.
macro_rules! passing_on {
    (impl $part:ident for $type:ident {
        $(own { $($own:tt)* })?
        $(fn $name:ident($($argument:ident: $of:ty),* $(,)?) -> $returned:ty;)*
    }) => {
        #[async_trait::async_trait]
        impl control_plane::store::$part for $type {
            $($($own)*)?
            $(async fn $name(&self, $($argument: $of),*) -> control_plane::store::Result<$returned> {
                self.store.$name($($argument),*).await
            })*
        }
    };
    (People for $type:ident) => {
        $crate::passing::passing_on! { impl People for $type {
            fn sign_in(identity: &Identity, now: Millis) -> UserRecord;
            fn user(id: UserId) -> UserRecord;
            fn users(after: Option<UserId>, query: &str, limit: usize) -> Vec<UserRecord>;
            fn save_profile(id: UserId, profile: &Profile) -> ();
            fn set_role(id: UserId, role: protocol::api::Role) -> ();
            fn set_disabled(id: UserId, disabled: bool) -> Vec<Hash>;
            fn begin_erasing(id: UserId) -> Vec<Hash>;
            fn kept_out() -> Vec<UserId>;
            fn erasing() -> Vec<UserId>;
            fn delete_user(id: UserId) -> ();
            fn settings(id: UserId) -> Option<serde_json::Value>;
            fn save_settings(id: UserId, settings: &serde_json::Value) -> ();
        } }
    };
    (Access for $type:ident) => {
        $crate::passing::passing_on! { impl Access for $type {
            fn add_code(code: Hash, expires_at: Millis) -> ();
            fn spend_code(code: Hash, now: Millis) -> bool;
            fn open_session(token: Hash, session: &SessionRecord) -> ();
            fn session(token: Hash, now: Millis) -> Option<(SessionRecord, UserRecord)>;
            fn touch_session(token: Hash, now: Millis) -> ();
            fn rotate_session(old: Hash, new: Hash) -> bool;
            fn close_session(token: Hash) -> ();
            fn sessions(user: UserId, now: Millis) -> Vec<SessionRecord>;
            fn end_session(user: UserId, session: SessionId) -> Hash;
            fn end_sessions(user: UserId) -> Vec<Hash>;
            fn add_api_token(token: Hash, record: &ApiTokenRecord) -> ();
            fn api_token(token: Hash, now: Millis) -> Option<(ApiTokenRecord, UserRecord)>;
            fn touch_api_token(token: Hash, now: Millis) -> ();
            fn api_tokens(user: UserId) -> Vec<ApiTokenRecord>;
            fn revoke_api_token(user: UserId, token: ApiTokenId) -> Hash;
        } }
    };
    (Workspaces for $type:ident) => {
        $crate::passing::passing_on! { impl Workspaces for $type {
            fn workspaces() -> Vec<WorkspaceRecord>;
            fn workspaces_after(after: Option<WorkspaceId>, limit: usize) -> Vec<WorkspaceRecord>;
            fn workspace(id: WorkspaceId) -> WorkspaceRecord;
            fn workspace_of(user: UserId) -> Option<WorkspaceRecord>;
            fn create_workspace(user: UserId, uids: std::ops::Range<u32>, networks: u32, now: Millis)
                -> WorkspaceRecord;
            fn save_workspace(record: &WorkspaceRecord) -> ();
            fn set_certificates(id: WorkspaceId, expected: &Certificates, new: &Certificates) -> ();
            fn count_link(id: WorkspaceId) -> u64;
            fn save_catalog(id: WorkspaceId, catalog: &Catalog) -> ();
            fn delete_workspace(id: WorkspaceId) -> ();
            fn add_enrol_token(token: Hash, workspace: WorkspaceId, expires_at: Millis) -> ();
            fn spend_enrol_token(token: Hash, now: Millis) -> Option<WorkspaceId>;
            fn take_lease(id: WorkspaceId, owner: &str, now: Millis, until: Millis) -> Lease;
            fn renew_lease(id: WorkspaceId, fence: u64, until: Millis) -> ();
            fn release_lease(id: WorkspaceId, fence: u64) -> ();
            fn lease(id: WorkspaceId) -> Option<Lease>;
            fn add_usage(key: &UsageKey, usage: &UsageRecord) -> ();
            fn spent_since(workspace: WorkspaceId, day: u32) -> u64;
        } }
    };
    (Conversations for $type:ident) => {
        $crate::passing::passing_on! { impl Conversations for $type {
            fn create_conversation(new: &NewConversation) -> ConversationRecord;
            fn conversation(id: ConversationId) -> ConversationRecord;
            fn conversations(workspace: WorkspaceId, after: Option<ConversationId>, query: &str, limit: usize)
                -> Vec<ConversationRecord>;
            fn count_conversations(workspace: WorkspaceId) -> usize;
            fn log_ends(workspace: WorkspaceId) -> Vec<protocol::log::LogEnd>;
            fn granted(now: Millis, limit: usize) -> Vec<ConversationRecord>;
            fn unfinished(workspace: WorkspaceId) -> Vec<ConversationId>;
            fn commit(commit: &Commit) -> ();
            fn delete_conversation(id: ConversationId) -> ();
            fn segments_before(id: ConversationId, before: u64, limit: u64, bytes: usize) -> Vec<Segment>;
            fn segments_after(id: ConversationId, after: u64, limit: u64, bytes: usize) -> Vec<Segment>;
            fn put_chunk(id: ConversationId, chunk: &Chunk) -> ();
            fn chunk(id: ConversationId, digest: Hash, index: u32) -> Chunk;
            fn outbox(id: ConversationId, after: Option<u64>) -> Vec<protocol::outbox::Item>;
            fn outbox_item(id: ConversationId, item: ItemId) -> Option<protocol::outbox::Item>;
            fn notices(id: ConversationId, after: u64) -> Vec<protocol::notice::Notice>;
        } }
    };
    (Secrets for $type:ident) => {
        $crate::passing::passing_on! { impl Secrets for $type {
            fn secret(name: &str) -> Option<Vec<u8>>;
            fn create_secret(name: &str, sealed: &[u8]) -> Vec<u8>;
            fn user_secret(user: UserId, name: &str) -> Option<Vec<u8>>;
            fn save_user_secret(user: UserId, name: &str, sealed: &[u8]) -> ();
            fn delete_user_secret(user: UserId, name: &str) -> ();
            fn sealed_secrets(after: Option<&SecretName>, limit: usize) -> Vec<(SecretName, Vec<u8>)>;
            fn reseal(name: &SecretName, expected: &[u8], sealed: &[u8]) -> ();
        } }
    };
    (Audit for $type:ident) => {
        $crate::passing::passing_on! { impl Audit for $type {
            fn append_audit(entry: &AuditEntry) -> u64;
            fn audit(filter: &AuditFilter, from: AuditFrom, limit: usize) -> AuditPage;
        } }
    };
    (Transfer for $type:ident) => {
        $crate::passing::passing_on! { impl Transfer for $type {
            fn export(table: control_plane::store::transfer::Table, from: Option<&str>)
                -> control_plane::store::transfer::Page;
            fn import(entries: &[control_plane::store::transfer::Entry]) -> ();
            fn mark(name: &str) -> Option<String>;
            fn set_mark(name: &str, text: Option<&str>) -> ();
        } }
    };
    (Store for $type:ident) => {
        $crate::passing::passing_on! { impl Store for $type {
            fn check() -> ();
            fn tidy(now: Millis) -> ();
        } }
    };
}
pub(crate) use passing_on;

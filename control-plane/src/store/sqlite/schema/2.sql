ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN onboarding TEXT;
ALTER TABLE users ADD COLUMN signed_in_at INTEGER NOT NULL DEFAULT 0;
-- Name and e-mail address in lower case: what users are found by.
ALTER TABLE users ADD COLUMN searched TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN settings TEXT;
UPDATE users SET signed_in_at = created_at, searched = lower(name) || char(10);

-- What was open before knew no limit for going unused.
ALTER TABLE sessions ADD COLUMN id BLOB NOT NULL DEFAULT x'';
ALTER TABLE sessions ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN idle INTEGER NOT NULL DEFAULT 9223372036854775807;
UPDATE sessions SET id = randomblob(16), used_at = created_at;
CREATE UNIQUE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE api_tokens (
    token BLOB PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    user BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX api_tokens_by_user ON api_tokens (user);

CREATE TABLE user_secrets (
    user BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (user, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    workspace BLOB PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- Appended, never changed. AUTOINCREMENT: no number is used twice, whatever happens to the file's end.
CREATE TABLE audit (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_who ON audit (who, n);
CREATE INDEX audit_by_kind ON audit (kind, n);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is not changed'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is not removed'); END;

-- Removed, but for what is being swept away a little at a time.
ALTER TABLE conversations ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX conversations_gone ON conversations (id) WHERE gone = 1;

-- Open items by workspace, so that what is unfinished is found without a look at every conversation.
ALTER TABLE outbox ADD COLUMN workspace BLOB;
UPDATE outbox SET workspace = (SELECT workspace FROM conversations WHERE id = conversation);
CREATE INDEX outbox_open_of ON outbox (workspace, conversation) WHERE final = 0;

-- What is said of the file as a whole: a move that was begun, or done.
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE pulse (id INTEGER PRIMARY KEY, beat INTEGER NOT NULL) STRICT;

CREATE TABLE users (
    id BLOB PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE local_codes (code BLOB PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;

CREATE TABLE sessions (
    token BLOB PRIMARY KEY,
    user BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    device TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE workspaces (
    id BLOB PRIMARY KEY,
    user BLOB NOT NULL UNIQUE REFERENCES users (id),
    version INTEGER NOT NULL,
    uid INTEGER NOT NULL UNIQUE,
    network INTEGER NOT NULL UNIQUE,
    wanted TEXT NOT NULL,
    last TEXT NOT NULL,
    certificates TEXT NOT NULL,
    links INTEGER NOT NULL DEFAULT 0,
    catalog TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE enrol_tokens (
    token BLOB PRIMARY KEY,
    workspace BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX enrol_tokens_by_workspace ON enrol_tokens (workspace);

CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;

CREATE TABLE conversations (
    id BLOB PRIMARY KEY,
    workspace BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    settings TEXT NOT NULL,
    summary TEXT NOT NULL,
    end_epoch INTEGER NOT NULL,
    end_n INTEGER NOT NULL,
    outbox_rev INTEGER NOT NULL,
    outbox_seq INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    notice INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_by_change ON conversations (workspace, changed_at DESC, id);

-- One row is one segment: events `first` to `last`, as the workspace-agent sent them.
CREATE TABLE segments (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    last INTEGER NOT NULL,
    first INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY (conversation, last)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    piece INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (conversation, digest, piece)
) STRICT;

CREATE TABLE outbox (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    item BLOB NOT NULL,
    rev INTEGER NOT NULL,
    -- 0: not final; 1: final, and the log tells of it; 2: refused, of which nothing else tells.
    final INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (conversation, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_rev ON outbox (conversation, rev);
CREATE INDEX outbox_open ON outbox (conversation) WHERE final <> 1;

CREATE TABLE notices (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    m INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (conversation, m)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    workspace BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (workspace, day, model)
) STRICT, WITHOUT ROWID;

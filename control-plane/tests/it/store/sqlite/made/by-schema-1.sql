PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE chunks (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    piece INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (conversation, digest, piece)
) STRICT;
INSERT INTO "chunks" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',X'0707070707070707070707070707070707070707070707070707070707070707',0,1,X'626F6479');
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
INSERT INTO "conversations" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',X'01A20CB7DDF270779F410F77C48323DC',2,'첫 대화',1000000,1000000,'{"mode":"default"}','{"state":"idle","prompts":[],"unknown_at":0,"settings":{"mode":"default"},"cost_usd":0.0,"last_at":0}',1,3,3,0,0,1);
INSERT INTO "conversations" VALUES(X'4E570D8D1FDF439690161D301ED56F2E',X'01A20CB7DDF270779F410F77C48323DC',2,'',1000000,1000000,'{"mode":"default"}','{"state":"idle","prompts":[],"unknown_at":0,"settings":{"mode":"default"},"cost_usd":0.0,"last_at":0}',1,1,0,0,0,0);
CREATE TABLE enrol_tokens (
    token BLOB PRIMARY KEY,
    workspace BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
INSERT INTO "enrol_tokens" VALUES(X'0404040404040404040404040404040404040404040404040404040404040404',X'01A20CB7DDF270779F410F77C48323DC',1125899906842624);
CREATE TABLE local_codes (code BLOB PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
INSERT INTO "local_codes" VALUES(X'0101010101010101010101010101010101010101010101010101010101010101',1125899906842624);
CREATE TABLE notices (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    m INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (conversation, m)
) STRICT, WITHOUT ROWID;
INSERT INTO "notices" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',1,'{"m":1,"at":1000000,"after":{"epoch":0,"n":0},"what":{"type":"out_of_memory"}}');
CREATE TABLE outbox (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    item BLOB NOT NULL,
    rev INTEGER NOT NULL,
    -- 0: not final; 1: final, and the log tells of it; 2: refused, of which nothing else tells.
    final INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (conversation, item)
) STRICT, WITHOUT ROWID;
INSERT INTO "outbox" VALUES(X'4E570D8D1FDF439690161D301ED56F2E',X'126D9B8531254190B0BB5A274064FE74',1,1,'{"id":"126d9b85-3125-4190-b0bb-5a274064fe74","seq":1,"version":1,"rev":1,"by":{"id":"00000000-0000-0000-0000-000000000000","name":"김하나"},"at":1000000,"after":{"epoch":0,"n":0},"what":{"type":"message","text":"message 1","steer":false},"state":{"type":"cancelled"}}');
INSERT INTO "outbox" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',X'03BDFCB62C52491DBB2AA068DCFCF6D9',3,1,'{"id":"03bdfcb6-2c52-491d-bb2a-a068dcfcf6d9","seq":3,"version":1,"rev":3,"by":{"id":"00000000-0000-0000-0000-000000000000","name":"김하나"},"at":1000000,"after":{"epoch":0,"n":0},"what":{"type":"message","text":"message 3","steer":false},"state":{"type":"unknown","why":"tools_called"}}');
INSERT INTO "outbox" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',X'0A03B8D59D2A470F95D41400A23AEE7F',1,0,'{"id":"0a03b8d5-9d2a-470f-95d4-1400a23aee7f","seq":1,"version":1,"rev":1,"by":{"id":"00000000-0000-0000-0000-000000000000","name":"김하나"},"at":1000000,"after":{"epoch":0,"n":0},"what":{"type":"message","text":"message 1","steer":false},"state":{"type":"saved"}}');
INSERT INTO "outbox" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',X'4BEB01565B984433B7A880F074935A4D',2,1,'{"id":"4beb0156-5b98-4433-b7a8-80f074935a4d","seq":2,"version":1,"rev":2,"by":{"id":"00000000-0000-0000-0000-000000000000","name":"김하나"},"at":1000000,"after":{"epoch":0,"n":0},"what":{"type":"message","text":"message 2","steer":false},"state":{"type":"done"}}');
CREATE TABLE pulse (id INTEGER PRIMARY KEY, beat INTEGER NOT NULL) STRICT;
CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
INSERT INTO "secrets" VALUES('ca',X'7365616C6564');
INSERT INTO "secrets" VALUES('instance',X'30613162');
CREATE TABLE segments (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    last INTEGER NOT NULL,
    first INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY (conversation, last)
) STRICT, WITHOUT ROWID;
INSERT INTO "segments" VALUES(X'4E570D8D1FDF439690161D301ED56F2E',1,1,1,X'7B226E223A312C2265706F6368223A317D0A');
INSERT INTO "segments" VALUES(X'F2EACC36E2CB4048A02ACA9F910D5534',3,1,1,X'7B226E223A312C2265706F6368223A317D0A7B226E223A322C2265706F6368223A317D0A7B226E223A332C2265706F6368223A317D0A');
CREATE TABLE sessions (
    token BLOB PRIMARY KEY,
    user BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    device TEXT NOT NULL
) STRICT;
INSERT INTO "sessions" VALUES(X'0202020202020202020202020202020202020202020202020202020202020202',X'01A20CB7DDCE70EAAB56F980464EBFFA',1000,1125899906842624,'Firefox');
INSERT INTO "sessions" VALUES(X'0303030303030303030303030303030303030303030303030303030303030303',X'01A20CB7DDCE70EAAB56F980464EBFFA',1500,1125899906842624,'Safari');
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
INSERT INTO "usage" VALUES(X'01A20CB7DDF270779F410F77C48323DC',100,'opus',1,2,3,4,5,6);
CREATE TABLE users (
    id BLOB PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "users" VALUES(X'01A20CB7DDCE70EAAB56F980464EBFFA','google:1','Ada Lovelace','"user"',0,1000);
INSERT INTO "users" VALUES(X'01A20CB7DDDB722AA1408A0811B6E9E5','local:owner','하나','"user"',0,2000);
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
INSERT INTO "workspaces" VALUES(X'01A20CB7DDF270779F410F77C48323DC',X'01A20CB7DDCE70EAAB56F980464EBFFA',1,200000,0,'"stopped"','{"type":"never"}','{"current":"0a","next":null,"revoked":false}',2,'{"models":[],"commands":[]}',1000);
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX enrol_tokens_by_workspace ON enrol_tokens (workspace);
CREATE INDEX conversations_by_change ON conversations (workspace, changed_at DESC, id);
CREATE INDEX outbox_by_rev ON outbox (conversation, rev);
CREATE INDEX outbox_open ON outbox (conversation) WHERE final <> 1;
COMMIT;
PRAGMA user_version = 1;

-- Times are milliseconds since the epoch. Lists are JSON arrays. Ids are those of the issuer's model.

CREATE TABLE store_state (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    epoch       INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 4294967295),
    -- version of the set of signing and refresh keys
    key_version INTEGER NOT NULL
) STRICT;
INSERT INTO store_state VALUES (1, 1, 0);

CREATE TABLE role (
    name     TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
    resource TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    secret   BLOB
) STRICT;

CREATE TABLE client (
    id         TEXT PRIMARY KEY NOT NULL,
    metadata   TEXT NOT NULL,
    -- digests of 32 bytes, one after the other
    secrets    BLOB NOT NULL CHECK (length(secrets) % 32 = 0),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user (
    id                 TEXT PRIMARY KEY NOT NULL,
    email              TEXT NOT NULL,
    -- as compared: lower case
    email_key          TEXT NOT NULL UNIQUE,
    email_verified     INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    username           TEXT,
    username_key       TEXT UNIQUE CHECK (instr(username_key, '@') = 0),
    name               TEXT,
    disabled_at        INTEGER,
    credential_version INTEGER NOT NULL CHECK (credential_version BETWEEN 1 AND 4294967295),
    -- seconds
    cutoff             INTEGER,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;

CREATE TABLE password (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES user ON DELETE CASCADE,
    phc     TEXT NOT NULL,
    set_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE user_role (
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    role    TEXT NOT NULL REFERENCES role ON DELETE CASCADE,
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_role_by_role ON user_role (role);

CREATE TABLE consent (
    user_id    TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    client_id  TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
    scopes     TEXT NOT NULL,
    resources  TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE browser_session (
    id             TEXT PRIMARY KEY NOT NULL,
    user_id        TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    cookie         BLOB NOT NULL UNIQUE CHECK (length(cookie) = 32),
    previous       BLOB CHECK (length(previous) = 32),
    previous_until INTEGER CHECK ((previous_until IS NULL) = (previous IS NULL)),
    auth_time      INTEGER NOT NULL,
    acr            TEXT NOT NULL,
    amr            TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    -- an end before its time moves this to the end
    expires_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    device         TEXT NOT NULL
) STRICT;
CREATE INDEX browser_session_by_user ON browser_session (user_id);
CREATE INDEX browser_session_by_previous ON browser_session (previous) WHERE previous IS NOT NULL;
CREATE INDEX browser_session_by_end ON browser_session (expires_at);

-- The browser session may be gone before what was made under it: no foreign key, guards check it.
CREATE TABLE code (
    digest       BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    client_id    TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
    user_id      TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    browser_id   TEXT NOT NULL,
    redirect_uri TEXT,
    challenge    TEXT,
    scopes       TEXT NOT NULL,
    resources    TEXT NOT NULL,
    nonce        TEXT,
    auth_time    INTEGER NOT NULL,
    acr          TEXT NOT NULL,
    amr          TEXT NOT NULL,
    device       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    spent_for    BLOB CHECK (length(spent_for) = 16)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_by_user ON code (user_id);
CREATE INDEX code_by_end ON code (expires_at);

-- With a rowid: sessions made together lie together, and random ids go into a narrow index only.
CREATE TABLE client_session (
    k              INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    user_id        TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    client_id      TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
    browser_id     TEXT,
    origin         TEXT NOT NULL CHECK (origin IN ('code', 'direct')),
    scopes         TEXT NOT NULL,
    resources      TEXT NOT NULL,
    auth_time      INTEGER NOT NULL,
    acr            TEXT NOT NULL,
    amr            TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    device         TEXT NOT NULL,
    absolute_until INTEGER NOT NULL,
    -- the row is dead for good by then; moves once a day at most, so that rotation touches no index
    sweep_at       INTEGER NOT NULL,
    -- refresh state: all or none
    n              INTEGER CHECK (n BETWEEN 0 AND 4294967295),
    rotated_at     INTEGER CHECK ((rotated_at IS NULL) = (n IS NULL)),
    replays        INTEGER CHECK ((replays IS NULL) = (n IS NULL)),
    key_version    INTEGER CHECK ((key_version IS NULL) = (n IS NULL)),
    rotate         INTEGER CHECK ((rotate IS NULL) = (n IS NULL) AND rotate IN (0, 1)),
    epoch          INTEGER CHECK ((epoch IS NULL) = (n IS NULL)),
    idle_until     INTEGER CHECK ((idle_until IS NULL) = (n IS NULL)),
    idle_for       INTEGER CHECK ((idle_for IS NULL) = (n IS NULL))
) STRICT;
CREATE INDEX client_session_by_user ON client_session (user_id);
CREATE INDEX client_session_by_browser ON client_session (browser_id) WHERE browser_id IS NOT NULL;
CREATE INDEX client_session_by_sweep ON client_session (sweep_at);

CREATE TABLE signing_key (
    kid        TEXT PRIMARY KEY NOT NULL,
    alg        TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    state      TEXT NOT NULL,
    private    BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE refresh_key (
    version    INTEGER PRIMARY KEY CHECK (version BETWEEN 0 AND 65535),
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: a number is never given again, so that a reader who stands at it misses nothing.
CREATE TABLE rule (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind   TEXT NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'cid', 'kid', 'iss')),
    id     TEXT NOT NULL,
    -- seconds
    cutoff INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX rule_by_id ON rule (kind, id);
CREATE INDEX rule_by_end ON rule (until);

-- Outlives what it tells of: no foreign keys.
CREATE TABLE event (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    user_id    TEXT,
    client_id  TEXT,
    session_id BLOB,
    browser_id TEXT,
    data       TEXT
) STRICT;

CREATE TABLE node (
    id          TEXT PRIMARY KEY NOT NULL,
    key_version INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT;

-- What a sign-in consisted of: [{"factor": .., "at": ..}]. Empty in rows from before: a password.
ALTER TABLE browser_session ADD COLUMN proven TEXT NOT NULL DEFAULT '[]';
-- a code of an app of ours stands on no browser session
CREATE TABLE code_4 (
    digest       BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    client_id    TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
    user_id      TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    browser_id   TEXT,
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
    spent_for    BLOB CHECK (length(spent_for) = 16),
    proven       TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
INSERT INTO code_4 (digest, client_id, user_id, browser_id, redirect_uri, challenge, scopes, resources, nonce,
                    auth_time, acr, amr, device, created_at, expires_at, spent_for)
SELECT digest, client_id, user_id, browser_id, redirect_uri, challenge, scopes, resources, nonce,
       auth_time, acr, amr, device, created_at, expires_at, spent_for FROM code;
DROP TABLE code;
ALTER TABLE code_4 RENAME TO code;
CREATE INDEX code_by_user ON code (user_id);
CREATE INDEX code_by_end ON code (expires_at);
ALTER TABLE client_session ADD COLUMN proven TEXT NOT NULL DEFAULT '[]';
-- language of mails (BCP 47)
ALTER TABLE user ADD COLUMN locale TEXT;
-- over the event before and all of this one, under a key of the master key; none: from before it was chained
ALTER TABLE event ADD COLUMN link BLOB CHECK (length(link) = 32);
-- what a person may see of the log
CREATE INDEX event_by_user ON event (user_id, seq) WHERE user_id IS NOT NULL;

CREATE TABLE totp (
    user_id   TEXT PRIMARY KEY NOT NULL REFERENCES user ON DELETE CASCADE,
    secret    BLOB NOT NULL,
    -- the last time step used (RFC 6238)
    last_step INTEGER NOT NULL,
    set_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE phone (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES user ON DELETE CASCADE,
    number  TEXT NOT NULL,
    set_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
    user_id  TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    spent_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
    id              BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id         TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    credential_id   BLOB NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    credential      TEXT NOT NULL,
    verifies_user   INTEGER NOT NULL CHECK (verifies_user IN (0, 1)),
    backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
    backed_up       INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    counter         INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
    created_at      INTEGER NOT NULL,
    used_at         INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_by_user ON passkey (user_id);

-- WebAuthn challenges that were answered, until they are too old to be answered anyway.
CREATE TABLE passkey_answered (
    challenge BLOB PRIMARY KEY NOT NULL CHECK (length(challenge) = 16),
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_answered_by_end ON passkey_answered (until);

CREATE TABLE upstream_link (
    provider  TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_id   TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    email     TEXT,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX upstream_link_by_user ON upstream_link (user_id);

CREATE TABLE known_device (
    user_id    TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    name       TEXT NOT NULL,
    -- the strongest sign-in it came from
    acr        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE challenge (
    -- grows: the newest is the greatest
    k                  INTEGER PRIMARY KEY,
    id                 BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- the person's id, or an address without an account in lower case
    who                TEXT NOT NULL,
    user_id            TEXT REFERENCES user ON DELETE CASCADE CHECK (user_id IS NULL OR user_id = who),
    purpose            TEXT NOT NULL,
    factor             TEXT NOT NULL,
    flow               BLOB NOT NULL CHECK (length(flow) = 32),
    target             TEXT NOT NULL,
    credential_version INTEGER NOT NULL,
    -- keyed digests
    code               BLOB CHECK (length(code) = 32),
    link               BLOB UNIQUE CHECK (length(link) = 32),
    payload            BLOB,
    asked_from         TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    tries              INTEGER NOT NULL DEFAULT 0,
    spent_at           INTEGER
) STRICT;
CREATE INDEX challenge_by_who ON challenge (who, purpose);
CREATE INDEX challenge_by_user ON challenge (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX challenge_by_end ON challenge (expires_at);

-- Messages to be sent, sealed: they may hold codes and links.
CREATE TABLE outbox (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    way        TEXT NOT NULL CHECK (way IN ('mail', 'sms')),
    message    BLOB NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    -- not before: the next try, or the end of a lease; NULL: given up
    next_at    INTEGER,
    error      TEXT,
    created_at INTEGER NOT NULL,
    -- when trying began
    since      INTEGER NOT NULL,
    -- when it was given up
    dead_at    INTEGER,
    CHECK ((next_at IS NULL) = (dead_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_turn ON outbox (way, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (created_at);
CREATE INDEX outbox_by_death ON outbox (dead_at) WHERE dead_at IS NOT NULL;

-- Recovery codes stand in for a second factor: they go with the last one, whichever way it goes.
CREATE TRIGGER recovery_codes_after_totp AFTER DELETE ON totp
WHEN NOT EXISTS (SELECT 1 FROM phone WHERE user_id = OLD.user_id)
 AND NOT EXISTS (SELECT 1 FROM passkey WHERE user_id = OLD.user_id)
BEGIN DELETE FROM recovery_code WHERE user_id = OLD.user_id; END;
CREATE TRIGGER recovery_codes_after_phone AFTER DELETE ON phone
WHEN NOT EXISTS (SELECT 1 FROM totp WHERE user_id = OLD.user_id)
 AND NOT EXISTS (SELECT 1 FROM passkey WHERE user_id = OLD.user_id)
BEGIN DELETE FROM recovery_code WHERE user_id = OLD.user_id; END;
CREATE TRIGGER recovery_codes_after_passkey AFTER DELETE ON passkey
WHEN NOT EXISTS (SELECT 1 FROM totp WHERE user_id = OLD.user_id)
 AND NOT EXISTS (SELECT 1 FROM phone WHERE user_id = OLD.user_id)
 AND NOT EXISTS (SELECT 1 FROM passkey WHERE user_id = OLD.user_id)
BEGIN DELETE FROM recovery_code WHERE user_id = OLD.user_id; END;

-- JSON: what was proven when `previous` was the cookie
ALTER TABLE browser_session ADD COLUMN previous_as TEXT CHECK (previous_as IS NULL OR json_valid(previous_as));

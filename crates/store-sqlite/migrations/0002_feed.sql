-- The revocation feed. Rules get a place in a numbered, chained log.

-- As it was, and: whose tokens these are, when it was written, and its number in the log.
ALTER TABLE rule RENAME TO rule_before;
CREATE TABLE rule (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'cid', 'kid', 'iss', 'subpfx')),
    id          TEXT NOT NULL,
    -- seconds; as published, once it is numbered
    cutoff      INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    -- `sub` of the tokens covered, where one is known
    sub         TEXT,
    written_at  INTEGER NOT NULL,
    -- in the log of the feed's epoch; none: it waits for one
    feed_seq    INTEGER,
    -- when it first got one: its cutoff is final since
    numbered_at INTEGER CHECK (feed_seq IS NULL OR numbered_at IS NOT NULL)
) STRICT;
-- When these were written nobody noted; now is late enough. Their cutoffs are in force as they are.
INSERT INTO rule (seq, kind, id, cutoff, until, sub, written_at, numbered_at)
SELECT seq, kind, id, cutoff, until, CASE kind WHEN 'sub' THEN id END,
       CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER)
FROM rule_before;
-- Numbers of rules that were swept are not given again either.
DELETE FROM sqlite_sequence WHERE name = 'rule';
INSERT INTO sqlite_sequence (name, seq) SELECT 'rule', seq FROM sqlite_sequence WHERE name = 'rule_before';
DROP TABLE rule_before;
CREATE INDEX rule_by_id ON rule (kind, id);
CREATE INDEX rule_by_end ON rule (until);
CREATE INDEX rule_waiting ON rule (seq) WHERE feed_seq IS NULL;

-- One row, from the first start on. Log, blocks and snapshots are of its epoch.
CREATE TABLE feed (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    id          BLOB NOT NULL CHECK (length(id) = 16),
    salt        BLOB NOT NULL CHECK (length(salt) = 16),
    epoch       INTEGER NOT NULL CHECK (epoch >= 1),
    seq         INTEGER NOT NULL CHECK (seq >= 0),
    chain       BLOB NOT NULL CHECK (length(chain) = 32),
    -- the chain up to the end of the last full block
    block_chain BLOB NOT NULL CHECK (length(block_chain) = 32),
    -- rules about somebody's tokens up to this row are covered by buckets
    coarse_row  INTEGER NOT NULL
) STRICT;

-- What no full block holds yet.
CREATE TABLE feed_log (
    seq  INTEGER PRIMARY KEY,
    rule BLOB NOT NULL CHECK (length(rule) = 17)
) STRICT;

CREATE TABLE feed_block (
    block INTEGER PRIMARY KEY,
    -- up to its first rule
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    rules BLOB NOT NULL CHECK (length(rules) = 17 * 4096),
    -- seconds: all its rules are over
    until INTEGER NOT NULL
) STRICT;

CREATE TABLE feed_snapshot (
    seq    INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    body   BLOB NOT NULL
) STRICT;

-- Verifiers that authenticate, and what they have last acknowledged. Outlives a removed client by a day.
CREATE TABLE feed_verifier (
    client_id  TEXT NOT NULL,
    verifier   TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    -- when it first said that it has these
    reached_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    -- seconds
    hard       INTEGER NOT NULL,
    modes      TEXT NOT NULL,
    PRIMARY KEY (client_id, verifier)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_verifier_by_seen ON feed_verifier (seen_at);

-- The longest life of the tokens made now, and when the last one made under a longer one is dead.
ALTER TABLE store_state ADD COLUMN token_life INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store_state ADD COLUMN lived_until INTEGER NOT NULL DEFAULT 0;

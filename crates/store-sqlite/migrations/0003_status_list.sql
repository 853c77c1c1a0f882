-- Status lists. An entry is list * 2^20 + index.

-- AUTOINCREMENT: the number of a list that is gone is never given again.
CREATE TABLE status_list (
    list  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- stretches of 1,024 entries given away
    taken INTEGER NOT NULL CHECK (taken BETWEEN 0 AND 1024),
    -- no token with an entry of it can be alive then
    until INTEGER NOT NULL
) STRICT;

CREATE TABLE status_block (
    list      INTEGER NOT NULL REFERENCES status_list,
    block     INTEGER NOT NULL CHECK (block BETWEEN 0 AND 1023),
    -- for tokens of that machine; else for sessions
    client_id TEXT,
    -- seconds
    since     INTEGER NOT NULL,
    PRIMARY KEY (list, block)
) STRICT, WITHOUT ROWID;
CREATE INDEX status_block_by_client ON status_block (client_id) WHERE client_id IS NOT NULL;

-- Outlives session, person and client: no foreign keys.
CREATE TABLE status_entry (
    entry     INTEGER PRIMARY KEY,
    sid       TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- seconds
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL
) STRICT;
CREATE INDEX status_entry_by_session ON status_entry (sid, since);
CREATE INDEX status_entry_by_user ON status_entry (user_id);
CREATE INDEX status_entry_by_client ON status_entry (client_id);
CREATE INDEX status_entry_by_end ON status_entry (until);

-- Entries given when a rule that covers them had been written: who follows the rules would miss them.
CREATE TABLE status_late (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX status_late_by_end ON status_late (until);

-- Version 4.

-- The followers whose public profile followsift looked up or is to look up.
CREATE TABLE lookup (
    network     TEXT NOT NULL,
    -- The follower's key.
    key         TEXT NOT NULL,
    -- The account whose settings allow the question.
    account     TEXT NOT NULL,
    -- Which server is asked for which account; without a host, for one of its own.
    server      TEXT NOT NULL,
    name        TEXT NOT NULL,
    host        TEXT,
    -- Since when the answer is wanted; NULL where none is.
    wanted_at   INTEGER,
    -- When the server was last asked.
    tried_at    INTEGER,
    -- The last answer, when and from which server it came, and its facts as JSON.
    answered_at INTEGER,
    answered_by TEXT,
    facts       TEXT,
    PRIMARY KEY (network, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX lookup_by_wish ON lookup (account, wanted_at);
CREATE INDEX lookup_by_age ON lookup (tried_at);

-- When each server may be asked again.
CREATE TABLE lookup_server (
    server     TEXT NOT NULL PRIMARY KEY,
    not_before INTEGER NOT NULL,
    -- Requests in a row that failed.
    failures   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A message can wait for the answer too.
CREATE TABLE waiting_4 (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    mail     INTEGER NOT NULL REFERENCES mail (id),
    -- The fuse, a server that would not, a move that was cut short, or a look-up.
    why      TEXT NOT NULL CHECK (why IN ('fuse', 'refused', 'interrupted', 'lookup')),
    -- How often the server would not.
    tries    INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    -- The user lets it through the fuse.
    released INTEGER NOT NULL,
    PRIMARY KEY (account, folder, validity, uid)
) STRICT, WITHOUT ROWID;
INSERT INTO waiting_4 SELECT account, folder, validity, uid, mail, why, tries, due_at, released FROM waiting;
DROP TABLE waiting;
ALTER TABLE waiting_4 RENAME TO waiting;
CREATE INDEX waiting_by_mail ON waiting (mail);

-- Version 8.

-- The accounts that this ledger remembers.
CREATE TABLE account (
    name            TEXT PRIMARY KEY,
    -- Which account it is, whatever its name: a random word that an export takes along.
    id              TEXT NOT NULL UNIQUE,
    -- The digest of host, port and user.
    mailbox         TEXT,
    -- What arrived earlier was there before this ledger, which does not know what the user wants with it: it is judged, and stays
    -- until the user says otherwise.
    observed_before INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO account (name, id)
SELECT account, lower(hex(randomblob(16)))
FROM (SELECT account FROM folder_cursor UNION SELECT account FROM mail UNION SELECT account FROM fuse);

-- Such a message waits, if it is to be moved or marked.
CREATE TABLE waiting_8 (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    mail     INTEGER NOT NULL REFERENCES mail (id),
    why      TEXT NOT NULL CHECK (why IN ('fuse', 'refused', 'interrupted', 'lookup', 'observed')),
    -- How often the server would not.
    tries    INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    -- The user lets it through the fuse.
    released INTEGER NOT NULL,
    PRIMARY KEY (account, folder, validity, uid)
) STRICT, WITHOUT ROWID;
INSERT INTO waiting_8 SELECT account, folder, validity, uid, mail, why, tries, due_at, released FROM waiting;
DROP TABLE waiting;
ALTER TABLE waiting_8 RENAME TO waiting;
CREATE INDEX waiting_by_mail ON waiting (mail);

-- Version 5.

-- The user made this move by hand: out of a folder in which followsift had left the message, into one that the rules file to.
ALTER TABLE intent ADD COLUMN by_user INTEGER NOT NULL DEFAULT 0;

-- Followers whose message the user filed by hand.
CREATE TABLE unwelcome_follower (
    network  TEXT NOT NULL,
    key      TEXT NOT NULL,
    mail     INTEGER NOT NULL REFERENCES mail (id),
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (network, key)
) STRICT, WITHOUT ROWID;

-- How far a target was looked through for messages that were filed by hand; without a UIDVALIDITY, not yet.
CREATE TABLE target_cursor (
    account   TEXT NOT NULL,
    folder    TEXT NOT NULL,
    validity  INTEGER,
    next_uid  INTEGER CHECK ((next_uid IS NULL) = (validity IS NULL)),
    looked_at INTEGER NOT NULL,
    PRIMARY KEY (account, folder)
) STRICT, WITHOUT ROWID;

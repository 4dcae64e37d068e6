-- How far each folder has been looked at. UIDs below `next_uid` have been dealt with, for as long as the
-- folder's UIDVALIDITY stays the same.
CREATE TABLE folder_cursor (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    next_uid INTEGER NOT NULL,
    -- When it was last looked at: where to go on when the UIDVALIDITY has changed.
    looked_at INTEGER NOT NULL,
    -- Below this UID only what arrived at `since` or later is meant: where a look began by time and is not over.
    below     INTEGER,
    since     INTEGER CHECK ((since IS NULL) = (below IS NULL)),
    PRIMARY KEY (account, folder)
) STRICT, WITHOUT ROWID;

-- A mail, whatever folder it is in and whatever UID it has there: digest and size are its identity.
CREATE TABLE mail (
    id       INTEGER PRIMARY KEY,
    account  TEXT NOT NULL,
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    size     INTEGER NOT NULL,
    -- Where it was when it was last judged.
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    -- When it first arrived.
    received INTEGER NOT NULL,
    -- What is thought of it now; earlier judgements stay, since they explain earlier moves.
    latest   INTEGER REFERENCES judgement (id),
    UNIQUE (account, digest, size)
) STRICT;
CREATE INDEX mail_by_identity ON mail (digest, size);
CREATE INDEX mail_by_arrival ON mail (account, received);

-- What one state of rules and profiles made of a mail. The same rules judge a mail once.
CREATE TABLE judgement (
    id        INTEGER PRIMARY KEY,
    mail      INTEGER NOT NULL REFERENCES mail (id),
    rules     TEXT NOT NULL,
    judged_at INTEGER NOT NULL,
    network   TEXT NOT NULL,
    title     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    layout    TEXT NOT NULL,
    authentic TEXT NOT NULL CHECK (authentic IN ('pass', 'fail', 'unknown')),
    -- What the account's server said; nothing where authentic is unknown.
    seen      TEXT,
    instance  TEXT,
    complete  INTEGER NOT NULL,
    -- The class of the mail; nothing is undecided.
    verdict   TEXT,
    action    TEXT NOT NULL CHECK (action IN ('leave', 'mark', 'file')),
    target    TEXT CHECK ((target IS NOT NULL) = (action = 'file')),
    flag      INTEGER NOT NULL,
    mark_read INTEGER NOT NULL,
    UNIQUE (mail, rules)
) STRICT;
CREATE INDEX judgement_by_time ON judgement (judged_at);

-- The followers that a judged mail names, with the facts as they were then.
CREATE TABLE follower (
    judgement INTEGER NOT NULL REFERENCES judgement (id),
    position  INTEGER NOT NULL,
    network   TEXT NOT NULL,
    key       TEXT NOT NULL,
    facts     TEXT NOT NULL,
    verdict   TEXT,
    points    REAL NOT NULL,
    reasons   TEXT NOT NULL,
    PRIMARY KEY (judgement, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX follower_by_key ON follower (network, key);

-- Mails that a network seems to have sent and no layout could read: how one learns that a layout has changed.
CREATE TABLE incomplete (
    mail    INTEGER PRIMARY KEY REFERENCES mail (id),
    network TEXT NOT NULL,
    missing TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- Moves: stated before the deed, settled after it. Without an outcome, nobody knows yet.
CREATE TABLE intent (
    -- Never used twice, so that a settlement can never hit another intent.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    mail          INTEGER NOT NULL REFERENCES mail (id),
    -- Why.
    judgement     INTEGER NOT NULL REFERENCES judgement (id),
    from_folder   TEXT NOT NULL,
    from_validity INTEGER NOT NULL,
    from_uid      INTEGER NOT NULL,
    -- The source's UIDNEXT before the move: what has a lower UID was there already, so nobody has put it back.
    from_next_uid INTEGER NOT NULL,
    to_folder     TEXT NOT NULL,
    to_validity   INTEGER NOT NULL,
    -- The target's UIDNEXT before the move: its arrival is to be looked for from there on.
    to_next_uid   INTEGER NOT NULL,
    flag          INTEGER NOT NULL,
    mark_read     INTEGER NOT NULL,
    stated_at     INTEGER NOT NULL,
    -- The user let it through, so the fuse does not count it.
    by_hand       INTEGER NOT NULL,
    outcome       TEXT CHECK (outcome IN ('left', 'moved', 'doubled', 'gone', 'in-doubt')),
    to_uid        INTEGER,
    settled_at    INTEGER,
    CHECK ((outcome IS NULL) = (settled_at IS NULL))
) STRICT;
CREATE INDEX intent_by_mail ON intent (mail);
CREATE INDEX intent_by_judgement ON intent (judgement);
CREATE INDEX intent_open ON intent (id) WHERE outcome IS NULL;
CREATE INDEX intent_by_time ON intent (stated_at);

-- Mails that are to be moved later; the cursor has gone on without them.
CREATE TABLE waiting (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    mail     INTEGER NOT NULL REFERENCES mail (id),
    -- The fuse, a server that would not, or a move that was cut short.
    why      TEXT NOT NULL CHECK (why IN ('fuse', 'refused', 'interrupted')),
    -- How often the server would not.
    tries    INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    -- The user lets it through the fuse.
    released INTEGER NOT NULL,
    PRIMARY KEY (account, folder, validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_mail ON waiting (mail);

-- By which rules an account was last swept, and what of the fuse the user knows and has decided.
CREATE TABLE fuse (
    account    TEXT PRIMARY KEY,
    rules      TEXT NOT NULL,
    -- When the rules changed; nothing where they never have.
    changed_at INTEGER,
    resumed_at INTEGER,
    told       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Mails that the user has put back: never moved again.
CREATE TABLE correction (
    mail     INTEGER PRIMARY KEY REFERENCES mail (id),
    noted_at INTEGER NOT NULL
) STRICT;

-- Followers whom a correction has made known. Kept apart from what a later judgement may read in the mail.
CREATE TABLE known_follower (
    network TEXT NOT NULL,
    key     TEXT NOT NULL,
    mail    INTEGER NOT NULL REFERENCES mail (id),
    PRIMARY KEY (network, key)
) STRICT, WITHOUT ROWID;

-- Whom the user has written to, by folder of sent mail; the last copy that could be read.
CREATE TABLE sent_folder (
    account      TEXT NOT NULL,
    folder       TEXT NOT NULL,
    refreshed_at INTEGER NOT NULL,
    PRIMARY KEY (account, folder)
) STRICT, WITHOUT ROWID;
CREATE TABLE sent_person (
    account TEXT NOT NULL,
    folder  TEXT NOT NULL,
    address TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (account, folder, address, name),
    FOREIGN KEY (account, folder) REFERENCES sent_folder (account, folder)
) STRICT, WITHOUT ROWID;

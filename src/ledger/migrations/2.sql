-- Version 2.

-- Moves. When the message had arrived in its folder (INTERNALDATE): by that an original is told from its twins where its UID
-- means nothing any more. Intents of version 1 did not note it.
ALTER TABLE intent ADD COLUMN received INTEGER;
-- How far the removal of the original had come: STORE was about to be sent; or the original was seen marked by us.
ALTER TABLE intent ADD COLUMN removal TEXT CHECK (removal IN ('sent', 'marked'));
-- The server was to move it by itself, so that the original may be gone without a note of ours.
ALTER TABLE intent ADD COLUMN by_move INTEGER NOT NULL DEFAULT 1;
-- The message is on its way back, since the user starred or answered it while it was moved.
ALTER TABLE intent ADD COLUMN returns INTEGER NOT NULL DEFAULT 0;
-- When the filed copy was first seen to have left its target.
ALTER TABLE intent ADD COLUMN left_at INTEGER;
CREATE INDEX intent_filed ON intent (stated_at) WHERE outcome = 'moved' AND left_at IS NULL AND returns = 0;

-- The header of a filed message, line by line: a message that was put back by way of a program that adds lines is known by it.
CREATE TABLE filed_header (
    mail     INTEGER PRIMARY KEY REFERENCES mail (id),
    -- The digest of the topmost Received field.
    received BLOB NOT NULL,
    -- The digests of all lines, 8 bytes each.
    lines    BLOB NOT NULL
) STRICT;
CREATE INDEX filed_header_by_received ON filed_header (received);

-- Messages that stay where they are, and of which it is not certain that the user put them back.
CREATE TABLE kept (
    mail     INTEGER PRIMARY KEY REFERENCES mail (id),
    -- The account in which it was seen to stay.
    account  TEXT NOT NULL,
    -- Seen to be put back in a sweep that is not over; its filed copy is still in the target; it came back long after the
    -- copy had gone; too many came back at once; its folder was restored; it was brought back since the user touched it; it
    -- was gone, or another account's, when it was to be filed.
    why      TEXT NOT NULL CHECK (why IN ('pending', 'twin', 'late', 'many', 'restored', 'touched', 'elsewhere')),
    noted_at INTEGER NOT NULL
) STRICT;

-- Followers may be known also because the user said so, and then no message stands behind it.
CREATE TABLE known_follower_2 (
    network  TEXT NOT NULL,
    key      TEXT NOT NULL,
    origin   TEXT NOT NULL CHECK (origin IN ('put-back', 'added')),
    mail     INTEGER REFERENCES mail (id),
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (network, key)
) STRICT, WITHOUT ROWID;
INSERT INTO known_follower_2
    SELECT network, key, 'put-back', mail, coalesce((SELECT noted_at FROM correction WHERE correction.mail = old.mail), 0)
    FROM known_follower AS old;
DROP TABLE known_follower;
ALTER TABLE known_follower_2 RENAME TO known_follower;

-- When an account's targets were last looked through for filed copies that have left.
CREATE TABLE target_look (
    account   TEXT PRIMARY KEY,
    looked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that the server says are there and does not show; the cursor has gone on without them.
CREATE TABLE unshown (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    -- What arrived earlier is old mail, and only looked at to be known again.
    since    INTEGER,
    PRIMARY KEY (account, folder, validity, uid)
) STRICT, WITHOUT ROWID;

-- The message that is being assessed, and how often the process has died over one.
CREATE TABLE assessing (
    account  TEXT PRIMARY KEY,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE deadly (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    validity INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    deaths   INTEGER NOT NULL,
    PRIMARY KEY (account, folder, validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_by_why ON kept (why, account);
-- The newest message that was seen in a folder: if one of another arrival, From or Subject has its UID, the folder was restored
-- from a backup.
ALTER TABLE folder_cursor ADD COLUMN newest_uid INTEGER;
ALTER TABLE folder_cursor ADD COLUMN newest_received INTEGER;
ALTER TABLE folder_cursor ADD COLUMN newest_fields BLOB;


-- The past that rules ask for. It holds proven notifications alone, so that nobody else can give anybody a past, nor make
-- the look-up longer: whom each one names, and how many came.
CREATE TABLE past_follower (
    account  TEXT NOT NULL,
    network  TEXT NOT NULL,
    key      TEXT NOT NULL,
    -- When the mail first arrived.
    received INTEGER NOT NULL,
    mail     INTEGER NOT NULL REFERENCES mail (id),
    PRIMARY KEY (account, network, key, received, mail)
) STRICT, WITHOUT ROWID;
CREATE INDEX past_follower_by_mail ON past_follower (mail);
-- Counted by spans of 1, 8, 64 and 512 seconds, so that an hour has some thirty rows to add, however many came.
CREATE TABLE past_wave (
    account  TEXT NOT NULL,
    network  TEXT NOT NULL,
    seconds  INTEGER NOT NULL CHECK (seconds IN (1, 8, 64, 512)),
    since    INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (account, network, seconds, since)
) STRICT, WITHOUT ROWID;
-- Version 1 took a self-hosted notification for proven where any sender's own domain had passed. Only the networks that
-- have a domain of their own keep their past.
INSERT INTO past_follower (account, network, key, received, mail)
SELECT DISTINCT mail.account, follower.network, follower.key, mail.received, mail.id
FROM mail JOIN judgement ON judgement.id = mail.latest JOIN follower ON follower.judgement = judgement.id
WHERE judgement.authentic = 'pass' AND judgement.instance IS NULL AND judgement.network IN (
    'facebook', 'googleplus', 'instagram', 'linkedin', 'openstreetmap', 'quora', 'strava', 'twitch', 'twitter', 'x',
    'youtube');
INSERT INTO past_wave (account, network, seconds, since, messages)
SELECT account, network, 1, received, count(DISTINCT mail) FROM past_follower GROUP BY account, network, received;
WITH span (length) AS (VALUES (8), (64), (512))
INSERT INTO past_wave (account, network, seconds, since, messages)
SELECT account, network, length, since - (since % length + length) % length AS start, sum(messages)
FROM span JOIN past_wave ON seconds = 1 GROUP BY account, network, length, start;
-- The mails that could not be read of the last days are looked for from here, not among all mails of these days.
CREATE INDEX incomplete_by_time ON incomplete (seen_at);
-- The last good copy of each file that a list reads its people from, by the whole path of the file.
CREATE TABLE list_file (
    id      INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('file', 'vcard')),
    path    TEXT NOT NULL,
    -- When it was last good.
    read_at INTEGER NOT NULL,
    UNIQUE (kind, path)
) STRICT;
CREATE TABLE list_person (
    file      INTEGER NOT NULL REFERENCES list_file (id),
    is_handle INTEGER NOT NULL,
    written   TEXT NOT NULL,
    PRIMARY KEY (file, is_handle, written)
) STRICT, WITHOUT ROWID;

-- Version 7.

-- The digests of each account: stated before the message goes to the server, settled after it. Without an outcome, nobody knows yet.
CREATE TABLE digest (
    account    TEXT NOT NULL,
    -- The day on which it is due in the user's time zone.
    period     TEXT NOT NULL,
    -- It tells of what arrived before this moment.
    until      INTEGER NOT NULL,
    stated_at  INTEGER NOT NULL,
    -- Nothing: there was nothing to say. Refused: it is not in the mailbox, and may be sent again. In doubt: it is never sent again.
    outcome    TEXT CHECK (outcome IN ('sent', 'nothing', 'refused', 'in-doubt')),
    settled_at INTEGER CHECK ((settled_at IS NULL) = (outcome IS NULL)),
    PRIMARY KEY (account, period)
) STRICT, WITHOUT ROWID;

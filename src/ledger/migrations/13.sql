-- Version 13.

-- The accounts that the user has paused, each until a moment: nothing is judged or moved in them.
CREATE TABLE pause (
    account TEXT PRIMARY KEY,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

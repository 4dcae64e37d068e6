-- Version 9.

-- A message can also stay because the user had it put back, without teaching anything.
CREATE TABLE kept_9 (
    mail     INTEGER PRIMARY KEY REFERENCES mail (id),
    -- The account in which it was seen to stay.
    account  TEXT NOT NULL,
    -- Seen to be put back in a sweep that is not over; its filed copy is still in the target; it came back long after the
    -- copy had gone; too many came back at once; its folder was restored; it was brought back since the user touched it; it
    -- was gone, or another account's, when it was to be filed; the user had it put back.
    why      TEXT NOT NULL CHECK (why IN (
        'pending', 'twin', 'late', 'many', 'restored', 'touched', 'elsewhere', 'asked')),
    noted_at INTEGER NOT NULL
) STRICT;
INSERT INTO kept_9 SELECT mail, account, why, noted_at FROM kept;
DROP TABLE kept;
ALTER TABLE kept_9 RENAME TO kept;
CREATE INDEX kept_by_why ON kept (why, account);

-- Version 3.

-- The newest messages of a folder that were seen and stayed in it: if another message has the UID of one of them, the folder was
-- restored from a backup.
CREATE TABLE newest (
    account  TEXT NOT NULL,
    folder   TEXT NOT NULL,
    uid      INTEGER NOT NULL,
    -- INTERNALDATE.
    received INTEGER NOT NULL,
    -- The digest of the From, Subject and Message-ID lines.
    fields   BLOB NOT NULL,
    PRIMARY KEY (account, folder, uid)
) STRICT, WITHOUT ROWID;
-- Version 2 kept one, known by From and Subject alone. The next message that is seen takes its place.
ALTER TABLE folder_cursor DROP COLUMN newest_uid;
ALTER TABLE folder_cursor DROP COLUMN newest_received;
ALTER TABLE folder_cursor DROP COLUMN newest_fields;

-- Which followsift died over a message: another may do better.
ALTER TABLE assessing ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE deadly ADD COLUMN version TEXT NOT NULL DEFAULT '';

-- The message came after this look at its folder: where the UID is void, it is looked for from there on.
ALTER TABLE unshown ADD COLUMN came_after INTEGER;

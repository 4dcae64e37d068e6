-- Version 10.

-- The messages about followers whom the user had followsift forget, each as a keyed hash of its identity: they are never moved
-- again, and nothing else is known of them. The key is made with the first of them.
CREATE TABLE forgotten_key (
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
CREATE TABLE forgotten (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

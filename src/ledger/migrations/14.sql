-- Version 14.

-- Whether another ledger has gone on with the account since: that of another shard.
ALTER TABLE account ADD COLUMN away INTEGER NOT NULL DEFAULT 0 CHECK (away IN (0, 1));

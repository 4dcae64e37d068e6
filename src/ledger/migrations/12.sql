-- Version 12.

-- Why this ledger may lack moves and put-backs of the account, until a sweep has dealt with that: a newer state of it was used here
-- before, or it is a copy of a file, and the mailbox may know more; or a sweep has dealt with that, but could not read everything.
ALTER TABLE account ADD COLUMN gap TEXT CHECK (gap IN ('older', 'copied', 'unread'));

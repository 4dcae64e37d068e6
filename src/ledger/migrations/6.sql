-- Version 6.

-- What identifies the file with the user's token as it was when the server refused the token: its inode, and when it was changed.
ALTER TABLE lookup_server ADD COLUMN token TEXT;

-- Version 15.

-- For each list of three words or more in a CHECK, SQLite makes a table whenever a row is written; it makes none for words parted by
-- OR. The tables stay as they are: only how a row is checked is written differently
-- (https://sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    '(authentic IN (''pass'', ''fail'', ''unknown''))',
    '(authentic = ''pass'' OR authentic = ''fail'' OR authentic = ''unknown'')'),
    '(action IN (''leave'', ''mark'', ''file''))',
    '(action = ''leave'' OR action = ''mark'' OR action = ''file'')')
WHERE type = 'table' AND name = 'judgement';
UPDATE sqlite_schema SET sql = replace(sql,
    '(outcome IN (''left'', ''moved'', ''doubled'', ''gone'', ''in-doubt''))',
    '(outcome = ''left'' OR outcome = ''moved'' OR outcome = ''doubled'' OR outcome = ''gone'' OR outcome = ''in-doubt'')')
WHERE type = 'table' AND name = 'intent';
UPDATE sqlite_schema SET sql = replace(sql,
    '(seconds IN (1, 8, 64, 512))',
    '(seconds = 1 OR seconds = 8 OR seconds = 64 OR seconds = 512)')
WHERE type = 'table' AND name = 'past_wave';
PRAGMA writable_schema = RESET;

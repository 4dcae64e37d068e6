//! What was intended and what was done: SQLite, the memory that makes crashes and corrections safe.

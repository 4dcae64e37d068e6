//! What came and what becomes of it, as text for people and as JSON for programs. Pure: values in, text out.
//!
//! Text from mails arrives here already made safe (one line, no control characters); see `mail`.

pub mod json;
pub mod text;

//! Caps on how much of a message and of its header fields is read, for `message` and `people`.

/// The most bytes read of a message, or of its header block alone.
pub(super) const MESSAGE_LIMIT: usize = 4 << 20;
/// A longer header field is not read.
pub(super) const HEADER_LIMIT: usize = 64 << 10;
/// A header field with more encoded words is not read: decoding them takes quadratic time.
const ENCODED_WORD_LIMIT: usize = 500;

/// Is a raw field value small enough to decode?
pub(super) fn is_decodable(raw: &[u8]) -> bool {
    let words = || raw.windows(2).filter(|pair| *pair == b"=?").count();
    raw.len() <= HEADER_LIMIT && (!raw.contains(&b'=') || words() <= ENCODED_WORD_LIMIT)
}

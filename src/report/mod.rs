//! What came and what was filed, as text. Pure.

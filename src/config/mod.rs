//! The estate file, parsed at the door: every mistake at once.

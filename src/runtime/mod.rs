//! The loop and everything that waits.

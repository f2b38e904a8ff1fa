//! The after-action report, from a journal.

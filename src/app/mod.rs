//! State and update: what happened goes in, what must be done comes out. Synchronous.

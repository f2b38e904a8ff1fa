//! The one integration-test binary.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

mod it;

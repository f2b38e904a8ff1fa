//! The nouns of the trade. No I/O, no async, no clock, no shapes of Azure's JSON.

pub mod access;
pub mod advice;
pub mod arm_id;
pub mod compute;
pub mod death;
pub mod estate;
pub mod health;
pub mod machines;
pub mod mask;
pub mod operation;
pub mod picture;
pub mod pool;
pub mod probe;
pub mod reading;
pub mod seats;
pub mod secret;
pub mod seeded;
pub mod side;
pub mod signs;
pub mod source;
pub mod standing;
pub mod storage;
pub mod text;
pub mod time;

pub use arm_id::{ArmId, ArmIdError};
pub use operation::Operation;
pub use reading::{Listing, Observation, Reading};
pub use secret::Secret;
pub use side::{Pair, Side};
pub use source::{Answer, Source};
pub use text::Safe;

//! How fast a clock goes.

use std::str::FromStr;

/// Fastest clock, estate seconds per real second: the grant guard relies on looks of the last 30 s of
/// the estate, which leaves an eighth of a real second for a round of them. Faster is `max`.
const MAX_SPEED: f64 = 240.0;

/// Speed of a simulated estate's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many estate seconds per real second, over 0 and at most 240.
    Times(f64),
    /// Time jumps to the next due instant when nothing is ready; in-process only.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times > 0.0 && times <= MAX_SPEED => Ok(Self::Times(times)),
            _ => Err(format!("write a number over 0 and at most {MAX_SPEED}, or max")),
        }
    }
}

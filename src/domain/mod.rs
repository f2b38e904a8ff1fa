//! The nouns of the trade. No I/O, no clock.

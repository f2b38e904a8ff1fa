//! One screen or one line about the estate, with an exit code.

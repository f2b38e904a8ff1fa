//! Plain mode: the cockpit as numbered lines.

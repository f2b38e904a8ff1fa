//! The step engine: decide and evolve, sans I/O.

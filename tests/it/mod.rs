//! Whole runs, screens, floors and the command line.

mod rehearsal;
mod runs;

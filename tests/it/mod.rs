//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod crash;
mod floors;
mod invariants;
mod rehearsal;
mod runs;
mod stage;

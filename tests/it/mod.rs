//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod azure;
mod contract;
mod docs;
mod floors;
mod killers;
mod rehearsal;
mod runs;

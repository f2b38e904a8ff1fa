//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod azure;
mod cli;
mod floors;
mod processes;
mod pty;
mod rehearsal;
mod runs;
mod terminal;

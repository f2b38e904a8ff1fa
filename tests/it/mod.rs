//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod azure;
mod cli;
mod contract;
mod crash;
mod docs;
mod floors;
mod hostile;
mod invariants;
mod killers;
mod outage;
mod processes;
mod pty;
mod rehearsal;
mod runs;
mod stage;
mod terminal;

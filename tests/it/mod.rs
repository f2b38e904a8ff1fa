//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod azure;
mod contract;
mod floors;
mod hostile;
mod killers;
mod outage;
mod rehearsal;
mod runs;

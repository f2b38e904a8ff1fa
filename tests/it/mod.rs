//! Whole runs, screens, floors and the command line. One line a module, so that each can be
//! added without touching another.

mod amiss;
mod anew;
mod answers;
mod azure;
mod bearings;
mod canary;
mod cli;
mod clocks;
mod contract;
mod crash;
mod dialogs;
mod docs;
mod floors;
mod grants;
mod ground;
mod guide;
mod hostile;
#[expect(clippy::struct_excessive_bools, reason = "tables and scripted doubles read better whole")]
mod invariants;
mod kept;
mod keyboard;
#[cfg(target_os = "linux")]
mod keyrings;
mod killers;
mod lines;
mod masks;
mod night;
mod outage;
mod owed;
mod patience;
mod processes;
mod pty;
mod readonly;
mod recordings;
mod rehearsal;
mod reopened;
mod rises;
mod runs;
mod schedule;
mod search;
mod seats;
mod shell;
mod shown;
mod signin;
mod silence;
mod stage;
mod terminal;
mod times;
mod undone;
mod way_back;
mod ways_out;

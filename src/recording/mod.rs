//! Recordings of sittings: what was on the wire, what was looked at, what was written down.
//!
//! A recording is text, one JSON object a line; `k` is its kind. Times are microseconds of the estate's
//! clock since the sitting began. The first line is the header; addresses and bodies stand once and are
//! named by number afterwards; a body is kept whole, or as what differs from an earlier one, and always
//! with its SHA-256. The last line is `end`; a file without it was cut.
//!
//! ```json
//! {"k":"recording","format":1,"tool":"0.1.0","mode":"SIM","estate":"contoso-avd","start":"2026-11-20T08:00:00Z","redacted":false,…}
//! {"k":"url","id":1,"url":"https://management.azure.com/subscriptions/…"}
//! {"k":"body","id":1,"sha256":"9f…","text":"{\"value\":[]}"}
//! {"k":"call","t":40000,"us":40000,"m":"GET","u":1,"s":200,"b":1}
//! {"k":"look","t":40000,"src":{"pool":[0,"primary"]},"from":0}
//! {"k":"record","t":9000000,"run":"r-20261120-0800-7k","seq":1,"mono_ms":9000,"actor":{…},"event":{…}}
//! {"k":"end","t":60000000,"why":"left"}
//! ```
//!
//! [`Tee`] stands between the guard and the wire and tells a [`Recorder`] of every exchange; whoever sits at
//! the app tells it of the rest. Nobody waits for it: what it is told goes to a thread, and where that cannot
//! keep up, or the disk is full, the recording ends and the sitting goes on. No header of a request is ever
//! recorded, and a token that an answer repeats is taken out. [`Tape`] reads a recording back and
//! [`Answers`] is the wire over it.

mod answers;
mod delta;
mod line;
mod mask;
mod recorder;
mod tape;
mod tee;
mod writer;

pub use answers::{Answers, Window};
pub use line::{Actor, FORMAT, Header, Line, Look, Record};
pub use mask::withheld;
pub use recorder::{Recorder, Sink};
pub use tape::{MAX_LINE, Tape, TapeError};
pub use tee::{Now, Tee};

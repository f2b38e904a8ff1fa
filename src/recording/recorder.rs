//! Takes what happens without ever making anybody wait, and hands it to a thread that writes.

use std::{
    fmt,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    domain::{Observation, Safe, time::Timestamp},
    engine::Stamped,
    journal::Head,
};

use super::{
    line::{Header, Line, Look, Record, micros},
    mask::Mask,
    writer::{Exchange, Writer},
};

/// Messages that may wait for the disk: a minute of the largest estate.
const WAITING: usize = 8_192;

/// Bytes of answers that may wait for the disk: the largest answer, and it again.
const WAITING_BYTES: usize = 128 * 1024 * 1024;

/// Where a recording goes.
pub type Sink = Box<dyn Write + Send>;

/// Takes what happens. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    start: Timestamp,
    sender: Mutex<Option<SyncSender<Told>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    bytes: AtomicUsize,
    /// The moment of the last line.
    last: AtomicI64,
    trouble: Mutex<Option<Safe>>,
}

enum Told {
    Line(Line),
    Exchange(Box<Exchange>),
    /// Everything before it is to be on the disk now.
    Flush(SyncSender<()>),
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("start", &self.0.start).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins a recording. `names` are replaced where the header says that it is redacted.
    pub fn begin(header: Header, names: &[String], out: Sink) -> std::io::Result<Self> {
        let (sender, told) = sync_channel(WAITING);
        let start = header.start;
        let shared = Arc::new(Shared {
            start,
            sender: Mutex::new(Some(sender)),
            thread: Mutex::new(None),
            bytes: AtomicUsize::new(0),
            last: AtomicI64::new(0),
            trouble: Mutex::new(None),
        });
        let mut writer = Writer::new(out, Mask::new(header.redacted, names));
        // The first line is written here, so that a place nothing can be written to is told at once.
        writer.line(&Line::Recording(Box::new(header)))?;
        writer.flush()?;
        let weak = Arc::downgrade(&shared);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let (result, lines) = write(&mut writer, &told, |bytes| {
                if let Some(shared) = weak.upgrade() {
                    shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
                }
            });
            if let (Err(error), Some(shared)) = (result, weak.upgrade()) {
                shared.fail(&format!("{error}; its first {lines} lines are kept"));
            }
        })?;
        *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(Self(shared))
    }

    /// When the sitting began.
    pub fn start(&self) -> Timestamp {
        self.0.start
    }

    /// Why the recording has ended before the sitting, once it has.
    pub fn trouble(&self) -> Option<Safe> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Microseconds since the start.
    pub fn t(&self, at: Timestamp) -> i64 {
        micros(self.0.start, at)
    }

    /// Records a line.
    pub fn line(&self, line: Line) {
        if let Some(t) = line.at() {
            self.0.last.fetch_max(t, Ordering::Relaxed);
        }
        self.0.tell(Told::Line(line));
    }

    /// Records that an observation was taken in at `now`, by the panes or by the `run` alone.
    pub fn look(&self, seen: &Observation, run: bool, now: Timestamp) {
        self.line(Line::Look(Box::new(Look::of(seen, run, self.0.start, self.t(now)))));
    }

    /// Records what a run has decided; `first` is the number of the first of these records.
    pub fn records(&self, run: &str, first: u64, batch: &[Stamped]) {
        for (seq, stamped) in (first..).zip(batch) {
            self.line(Line::Record(Box::new(Record::of(stamped, run, seq, self.0.start))));
        }
    }

    /// Records that a journal is durable up to `head`. The moment is that of the last thing recorded: whoever
    /// writes a journal knows no clock.
    pub fn head(&self, head: &Head) {
        let t = self.0.last.load(Ordering::Relaxed);
        self.line(Line::Durable { t, run: head.run.clone(), seq: head.seq, head: head.hash.clone() });
    }

    pub(super) fn exchange(&self, seen: Exchange) {
        let bytes = size(&seen);
        if self.0.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING_BYTES {
            return self.0.fail("the disk cannot keep up");
        }
        self.0.tell(Told::Exchange(Box::new(seen)));
    }

    /// Waits until everything told so far is written, or the recording has ended.
    pub fn settle(&self) {
        let (done, written) = sync_channel(1);
        let sender = self.0.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if sender.is_some_and(|sender| sender.send(Told::Flush(done)).is_ok()) {
            let _ = written.recv();
        }
    }

    /// Ends the recording at `now`. Waits for the disk, at most `limit`; returns why it is not whole.
    pub fn end(&self, now: Timestamp, why: &str, limit: Duration) -> Option<Safe> {
        self.line(Line::End { t: self.t(now), why: Safe::new(why) });
        self.0.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let (done, written) = sync_channel(1);
            let waits = std::thread::Builder::new().name("recorder end".to_owned()).spawn(move || {
                let _ = thread.join();
                let _ = done.send(());
            });
            if waits.is_err() || written.recv_timeout(limit).is_err() {
                self.0.fail("the disk did not take its end in time");
            }
        }
        self.trouble()
    }
}

impl Shared {
    /// Nobody waits: what cannot be taken at once ends the recording, because one with a hole would lie.
    fn tell(&self, told: Told) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = sender.as_ref() else { return };
        match open.try_send(told) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                *sender = None;
                drop(sender);
                self.fail("the disk cannot keep up");
            }
            // The thread says itself why it ended.
            Err(TrySendError::Disconnected(_)) => *sender = None,
        }
    }

    fn fail(&self, why: &str) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert_with(|| Safe::new(why));
    }
}

fn size(seen: &Exchange) -> usize {
    seen.answer.as_ref().map_or(0, |(_, _, body)| body.len()) + seen.sent.len() + seen.url.len()
}

/// Writes until nobody tells anything more; says how many lines there are.
fn write(
    writer: &mut Writer<Sink>,
    told: &Receiver<Told>,
    written: impl Fn(usize),
) -> (std::io::Result<()>, u64) {
    let mut all = || {
        while let Ok(first) = told.recv() {
            let mut next = Some(first);
            while let Some(told_now) = next {
                match told_now {
                    Told::Line(line) => writer.line(&line)?,
                    Told::Exchange(seen) => {
                        let bytes = size(&seen);
                        writer.exchange(*seen)?;
                        written(bytes);
                    }
                    Told::Flush(done) => {
                        writer.flush()?;
                        let _ = done.send(());
                    }
                }
                next = told.try_recv().ok();
            }
            writer.flush()?;
        }
        writer.flush()
    };
    let result = all();
    (result, writer.lines())
}

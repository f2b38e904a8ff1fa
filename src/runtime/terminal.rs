//! The terminal: taken over, painted, and left as it was found.
//!
//! Bytes for the terminal go through one writer thread. The loop paints the next frame only when
//! the last one has been taken, so that a blocked terminal costs neither the loop a moment nor
//! memory, and what is painted next is always the newest state.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, queue,
    style::{Attribute, SetAttribute},
    terminal::{self, EnterAlternateScreen, LeaveAlternateScreen},
};
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::sync::Notify;

use crate::{
    app::App,
    ui::{self, Look},
};

use super::{
    clipboard::{self, Passage},
    clock::machine_time,
    frame::{Erasing, encode},
};

/// How long leaving waits for the last frame to be taken.
const LAST_FRAME: Duration = Duration::from_millis(500);
/// How long the panic hook waits for the writer to be between two writes.
const PANIC_WAIT: Duration = Duration::from_millis(200);

/// Whether a cockpit has the terminal; the panic hook asks.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Set once the panic hook has given the terminal back: a frame that still waits would take it again.
static GIVEN_BACK: AtomicBool = AtomicBool::new(false);

/// Real monotonic time in milliseconds, sleep of the machine included: what input guards, frame caps and
/// arming are counted in. Nobody finds a cockpit armed that was armed before the lid was closed.
#[derive(Debug, Clone, Copy)]
pub struct TerminalClock {
    began: Duration,
}

impl TerminalClock {
    /// Starts at 0.
    pub fn start() -> Self {
        Self { began: machine_time() }
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u64 {
        u64::try_from(machine_time().saturating_sub(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What became of a request to paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Painted {
    /// The frame is on its way, or nothing had changed.
    Yes,
    /// The terminal has not taken the last frame: paint again after [`Canvas::taken`].
    Busy,
}

/// The cockpit's hold on the terminal. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Canvas {
    writer: Writer,
    shown: Buffer,
    hold: Hold,
    /// What leaves in front of the next frame, through the one writer: what takes the screen over,
    /// the bell, text for the clipboard. The terminal may still be busy with the frame before.
    ahead: Vec<u8>,
    /// What lies between this process and the terminal.
    passage: Passage,
}

/// How the terminal is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Raw, on the alternate screen.
    Held,
    /// As it was found.
    Released,
    /// Gone: nothing may be written to it.
    Dead,
}

impl Canvas {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste.
    pub fn open() -> io::Result<Self> {
        // NO_COLOR is obeyed by choosing the mono theme. Left to itself crossterm writes a full
        // reset in place of each colour, which wipes reverse and bold set just before it.
        crossterm::style::force_color_output(true);
        let variable = |name| std::env::var(name).ok();
        let mut canvas = Self {
            writer: Writer::start()?,
            shown: Buffer::default(),
            hold: Hold::Released,
            ahead: Vec::new(),
            passage: Passage::of(variable("TMUX").as_deref(), variable("TERM").as_deref()),
        };
        canvas.enter()?;
        Ok(canvas)
    }

    fn enter(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        self.hold = Hold::Held;
        TAKEN.store(true, Ordering::SeqCst);
        self.ahead.clear();
        queue!(self.ahead, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.forget();
        Ok(())
    }

    /// The next frame is painted whole, as after a resize or when something else wrote.
    pub fn forget(&mut self) {
        self.shown = Buffer::default();
    }

    /// Columns and rows of the window; 80x24 where the terminal does not say.
    pub fn size() -> (u16, u16) {
        match terminal::size() {
            Ok((w, h)) if w > 0 && h > 0 => (w, h),
            _ => (80, 24),
        }
    }

    /// Paints the app, unless the terminal is still busy with the last frame.
    pub fn paint(&mut self, app: &mut App, look: &Look) -> io::Result<Painted> {
        if self.hold != Hold::Held {
            return Ok(Painted::Yes);
        }
        if !self.writer.is_free() {
            return Ok(Painted::Busy);
        }
        let area = Rect::new(0, 0, app.size.0, app.size.1);
        let mut next = Buffer::empty(area);
        let drawn = ui::draw(app, look, area, &mut next);
        app.drawn(drawn.scrolls);
        let mut bytes = std::mem::take(&mut self.ahead);
        bytes.extend(encode(&self.shown, &next, drawn.cursor, Erasing::through(self.passage)));
        self.shown = next;
        if !bytes.is_empty() {
            self.writer.send(bytes);
        }
        Ok(Painted::Yes)
    }

    /// Waits until the terminal has taken everything given to it.
    pub async fn taken(&self) {
        self.writer.taken().await;
    }

    /// Rings the bell, in front of the next frame.
    pub fn bell(&mut self) {
        if self.hold == Hold::Held {
            self.ahead.push(0x07);
        }
    }

    /// Puts `text` on the operator's clipboard by OSC 52, in front of the next frame; how many bytes
    /// that are. Whether the terminal takes it cannot be known.
    pub fn copy(&mut self, text: &str) -> Result<usize, String> {
        if self.hold != Hold::Held {
            return Err("not copied: the terminal is not ours".to_owned());
        }
        self.ahead.extend(clipboard::sequence(text, self.passage)?);
        Ok(text.len())
    }

    /// Gives the terminal back, as for stopping the process; [`Canvas::retake`] takes it again.
    pub fn release(&mut self) {
        if self.hold != Hold::Held {
            return;
        }
        self.hold = Hold::Released;
        if GIVEN_BACK.load(Ordering::SeqCst) {
            return;
        }
        self.writer.settle(LAST_FRAME);
        self.ahead.clear();
        // Each part on its own: where one fails the next still helps.
        let mut bytes = Vec::new();
        let _ =
            queue!(bytes, DisableBracketedPaste, SetAttribute(Attribute::Reset), Show, LeaveAlternateScreen);
        let _ = self.writer.write_now(&bytes);
        let _ = terminal::disable_raw_mode();
        TAKEN.store(false, Ordering::SeqCst);
    }

    /// Takes the terminal again after [`Canvas::release`], or after somebody else used it.
    pub fn retake(&mut self) -> io::Result<()> {
        match self.hold {
            Hold::Dead => Ok(()),
            Hold::Held | Hold::Released => self.enter(),
        }
    }

    /// The terminal is gone: from now on nothing is written to it, not even on drop.
    pub fn abandon(&mut self) {
        self.hold = Hold::Dead;
        TAKEN.store(false, Ordering::SeqCst);
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.release();
    }
}

/// The thread that writes to the terminal, and its one place for a frame.
#[derive(Debug)]
struct Writer {
    frames: mpsc::SyncSender<Vec<u8>>,
    state: Arc<WriterState>,
}

#[derive(Debug, Default)]
struct WriterState {
    /// A frame is on its way.
    busy: AtomicBool,
    taken: Notify,
}

/// Held while bytes leave, so that two writers never mix theirs.
static WRITING: Mutex<()> = Mutex::new(());

impl Writer {
    fn start() -> io::Result<Self> {
        // One place: `send` is only called when the writer is free.
        let (frames, inbox) = mpsc::sync_channel::<Vec<u8>>(1);
        let state = Arc::new(WriterState::default());
        let shared = Arc::clone(&state);
        thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            while let Ok(frame) = inbox.recv() {
                // A terminal that takes no bytes is noticed by the watchdog, not here.
                let _ = write_frame(&frame);
                shared.busy.store(false, Ordering::SeqCst);
                shared.taken.notify_one();
            }
        })?;
        Ok(Self { frames, state })
    }

    fn is_free(&self) -> bool {
        !self.state.busy.load(Ordering::SeqCst)
    }

    fn send(&self, frame: Vec<u8>) {
        self.state.busy.store(true, Ordering::SeqCst);
        if self.frames.try_send(frame).is_err() {
            self.state.busy.store(false, Ordering::SeqCst);
        }
    }

    async fn taken(&self) {
        while !self.is_free() {
            self.state.taken.notified().await;
        }
    }

    /// Waits for the last frame, but not for ever.
    fn settle(&self, limit: Duration) {
        let until = Instant::now() + limit;
        while !self.is_free() && Instant::now() < until {
            thread::yield_now();
        }
    }

    fn write_now(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_free() { write_out(bytes) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

fn write_frame(bytes: &[u8]) -> io::Result<()> {
    let turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if GIVEN_BACK.load(Ordering::SeqCst) {
        return Ok(());
    }
    put(bytes, turn)
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    put(bytes, WRITING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Standard output without the buffer that the standard library puts before it.
#[cfg(unix)]
fn out() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// Standard output as it is: a console takes text there, not bytes.
#[cfg(not(unix))]
fn out() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

#[cfg(unix)]
type Out = std::fs::File;
#[cfg(not(unix))]
type Out = io::Stdout;

/// In one go: standard output itself would split a frame at its last line feed.
fn put(bytes: &[u8], _turn: MutexGuard<'_, ()>) -> io::Result<()> {
    static OUT: OnceLock<Out> = OnceLock::new();
    if OUT.get().is_none() {
        let _ = OUT.set(out()?);
    }
    let Some(mut out) = OUT.get() else { return Ok(()) };
    out.write_all(bytes)?;
    out.flush()
}

/// Restores the terminal before the panic message is printed. Installed over the
/// hook that prints it, which it calls.
pub fn install_panic_hook() {
    let inner = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if TAKEN.swap(false, Ordering::SeqCst) {
            restore_after_panic();
        }
        inner(panic);
    }));
}

/// Errors are ignored throughout: there is nobody left to tell.
fn restore_after_panic() {
    let until = Instant::now() + PANIC_WAIT;
    let mut turn = WRITING.try_lock();
    while turn.is_err() && Instant::now() < until {
        thread::yield_now();
        turn = WRITING.try_lock();
    }
    GIVEN_BACK.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    let _ = execute!(out, DisableBracketedPaste, SetAttribute(Attribute::Reset), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the child process below does with the terminal.
    const TASK: &str = "FARSHORE_TERMINAL_TASK";

    /// Not a test of its own: the part that runs on a terminal, started by the next one.
    #[test]
    #[ignore = "started by the_terminal_is_left_as_it_was_found"]
    fn on_a_terminal() {
        let Ok(task) = std::env::var(TASK) else { return };
        install_panic_hook();
        let mut canvas = Canvas::open().unwrap();
        let mut app = crate::app::scene::app(crate::app::World::Sim, crate::app::scene::Weather::Calm);
        let look =
            Look { theme: ui::theme::Theme::named("default").unwrap(), glyphs: ui::Glyphs::Box, zone: None };
        canvas.paint(&mut app, &look).unwrap();
        match task.as_str() {
            "drop" => drop(canvas),
            "panic" => {
                canvas.writer.settle(LAST_FRAME);
                panic!("on purpose")
            }
            "panic-at-once" => {
                let _turn = WRITING.lock().unwrap();
                canvas.forget();
                panic!("on purpose")
            }
            "abandon" => {
                canvas.writer.settle(LAST_FRAME);
                canvas.abandon();
                drop(canvas);
                let _ = terminal::disable_raw_mode();
            }
            "again" => {
                canvas.release();
                canvas.retake().unwrap();
                canvas.paint(&mut app, &look).unwrap();
                // Going on after a stop also comes as a signal, while that frame is on its way.
                canvas.retake().unwrap();
                canvas.writer.settle(LAST_FRAME);
                canvas.paint(&mut app, &look).unwrap();
            }
            other => panic!("no task {other}"),
        }
    }

    /// Not a test of its own: the part that writes a frame, started by the next one.
    #[test]
    #[ignore = "started by a_frame_leaves_in_one_write"]
    fn on_a_socket() {
        if std::env::var(TASK).is_ok() {
            write_out(FRAME.as_bytes()).unwrap();
        }
    }

    /// Line feeds are how a frame goes down a line.
    const FRAME: &str = "\x1b[?2026hfirst\r\nsecond\nthird\x1b[?2026l";

    /// What stands between two writes can be seen: a socket of datagrams keeps them apart.
    #[cfg(unix)]
    #[test]
    fn a_frame_leaves_in_one_write() {
        use std::os::{fd::OwnedFd, unix::net::UnixDatagram};
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["runtime::terminal::tests::on_a_socket", "--exact", "--ignored", "--nocapture"])
            .env(TASK, "write")
            .stdout(OwnedFd::from(theirs))
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        ours.set_nonblocking(true).unwrap();
        let mut writes = Vec::new();
        let mut buffer = [0; 4_096];
        while let Ok(length) = ours.recv(&mut buffer) {
            writes.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        assert!(writes.iter().any(|write| write == FRAME), "{writes:?}");
    }

    /// Runs the child on a terminal of its own; all it wrote.
    fn written(task: &str) -> String {
        written_by("runtime::terminal::tests::on_a_terminal", &[(TASK, task)])
    }

    /// Runs an ignored test of this program on a terminal of its own; all it wrote, after the settings of the
    /// terminal were found to be what they were.
    pub(in crate::runtime) fn written_by(test: &str, environment: &[(&str, &str)]) -> String {
        use portable_pty::{CommandBuilder, PtySize, native_pty_system};
        use std::io::Read;
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", "echo BEFORE=$(stty -g); \"$0\" \"$@\"; echo AFTER=$(stty -g)"]);
        command.arg(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--ignored", "--nocapture"]);
        for (name, value) in environment {
            command.env(name, value);
        }
        command.env("NO_COLOR", "1");
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut bytes = Vec::new();
        // The read ends with an error when the last process of the terminal is gone.
        let _ = reader.read_to_end(&mut bytes);
        child.wait().unwrap();
        let all = String::from_utf8_lossy(&bytes).into_owned();
        let word = |name: &str| all.split(name).nth(1)?.split_whitespace().next();
        let settings = (word("BEFORE="), word("AFTER="));
        assert!(settings.0.is_some() && settings.0 == settings.1, "{settings:?} in {all:?}");
        all
    }

    #[test]
    fn the_terminal_is_left_as_it_was_found() {
        let order = |text: &str, parts: &[&str]| {
            let mut from = 0;
            for part in parts {
                let at = text[from..].find(part);
                assert!(at.is_some(), "{part:?} is missing after {from} in {text:?}");
                from += at.unwrap_or_default() + part.len();
            }
        };
        let (enter, leave) = ("\x1b[?1049h\x1b[?2004h\x1b[?25l", "\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l");
        order(&written("drop"), &[enter, "contoso-avd", leave]);
        order(&written("panic"), &[enter, leave, "on purpose"]);
        order(&written("again"), &[enter, leave, enter, "contoso-avd", enter, "contoso-avd", leave]);
        // A frame that still waits when everything breaks does not take the terminal again.
        let early = written("panic-at-once");
        let told = early.find("on purpose").unwrap();
        assert!(!early[told..].contains("\x1b[?1049h"), "{early:?}");
        let abandoned = written("abandon");
        order(&abandoned, &[enter, "contoso-avd"]);
        assert!(!abandoned.contains("\x1b[?1049l"));
    }
}

//! The real binary on a terminal of its own, driven by keys and read as a screen.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Condvar, Mutex, atomic::AtomicBool, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The program under test.
pub const FARSHORE: &str = env!("CARGO_BIN_EXE_farshore");

/// What has not come by then will not come.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A pause that is part of a gesture: longer than the 300 ms for which a fresh dialog discards
/// keys, and than the 200 ms that must lie before an Enter that decides.
const GESTURE: Duration = Duration::from_millis(350);

/// How often a predicate is asked again where no new bytes came.
const LOOK: Duration = Duration::from_millis(50);

/// A state directory that goes with the test.
pub struct State(pub tempfile::TempDir);

impl State {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A verb of farshore over this state, without a terminal.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(FARSHORE);
        command.args(words).stdin(std::process::Stdio::null());
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    pub fn verb(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = self.path().display().to_string();
        vec![
            ("FARSHORE_STATE_DIR", path.clone()),
            ("XDG_CONFIG_HOME", path.clone()),
            ("HOME", path),
            ("LANG", "C.UTF-8".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("USER", "op".to_owned()),
        ]
    }

    /// Ids of the runs in it, as `runs` lists them.
    pub fn runs(&self) -> Vec<String> {
        let listed = text(&self.verb(&["runs"]).stdout);
        let lines = listed.lines().filter(|line| line.starts_with("r-"));
        lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// The only run in it.
    pub fn run(&self) -> String {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// The ledger of a run's world, parsed; nothing where the run has none.
    pub fn ledger(&self, run: &str) -> Vec<serde_json::Value> {
        parsed(&self.path().join("worlds").join(run).join("ledger.jsonl"))
    }

    /// The ledger of the only world that was served over this state, parsed.
    pub fn served(&self) -> Vec<serde_json::Value> {
        let mut worlds = std::fs::read_dir(self.path().join("served")).unwrap();
        let world = worlds.next().unwrap().unwrap();
        assert!(worlds.next().is_none(), "more than one world was served");
        parsed(&world.path().join("ledger.jsonl"))
    }

    /// Writes that arrived in the world: method and path without the query.
    pub fn writes(&self, run: &str) -> Vec<(String, String)> {
        let ledger = self.ledger(run);
        let entries = ledger.iter().map(|line| &line["entry"]);
        entries
            .filter(|entry| entry["kind"] == "write")
            .map(|entry| {
                let path = entry["path_and_query"].as_str().unwrap();
                let path = path.split('?').next().unwrap_or(path);
                (entry["method"].as_str().unwrap().to_owned(), path.to_owned())
            })
            .collect()
    }

    /// How many journals there are.
    pub fn journals(&self) -> usize {
        let estates = std::fs::read_dir(self.path().join("journal")).into_iter().flatten();
        let files = estates.flat_map(|estate| std::fs::read_dir(estate.unwrap().path()).unwrap());
        files
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "jsonl"))
            .count()
    }

    /// The journal's file of a run.
    pub fn journal(&self, run: &str) -> PathBuf {
        let directories = std::fs::read_dir(self.path().join("journal")).unwrap();
        let mut files = directories.map(|entry| entry.unwrap().path().join(format!("{run}.jsonl")));
        files.find(|file| file.exists()).unwrap()
    }

    /// The journal is whole, and says so with exit code 0.
    pub fn verified(&self) {
        let said = self.verb(&["audit", "verify"]);
        assert_eq!(said.status.code(), Some(0), "{}{}", text(&said.stdout), text(&said.stderr));
    }
}

/// The whole lines of a ledger; a torn last one was never answered.
fn parsed(path: &Path) -> Vec<serde_json::Value> {
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let whole = written.rfind('\n').map_or("", |end| &written[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Everything the terminal has been told.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

#[derive(Default)]
struct Valve {
    shut: Mutex<bool>,
    turned: Condvar,
}

/// A terminal with a program on it.
pub struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    pub child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    valve: Arc<Valve>,
    closing: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts farshore with `words` on 80x24; `None` after saying so where there is no PTY.
    pub fn farshore(state: &State, words: &[&str]) -> Option<Self> {
        let mut command = CommandBuilder::new(FARSHORE);
        command.args(words);
        Self::start(state, command)
    }

    /// Starts `script` with `sh`; `$FARSHORE` is the program.
    pub fn shell(state: &State, words: &[&str]) -> Option<Self> {
        let mut command = CommandBuilder::new("sh");
        command.args(words);
        command.env("FARSHORE", FARSHORE);
        command.env("PS1", "READY> ");
        Self::start(state, command)
    }

    fn start(state: &State, mut command: CommandBuilder) -> Option<Self> {
        for (name, value) in state.environment() {
            command.env(name, value);
        }
        command.env_remove("NO_COLOR");
        let size = PtySize { rows: 24, cols: 80, ..PtySize::default() };
        let pair = match native_pty_system().openpty(size) {
            Ok(pair) => pair,
            Err(error) => {
                println!("skipped: no PTY on this machine: {error}");
                return None;
            }
        };
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut terminal = Self {
            keyboard: Some(pair.master.take_writer().unwrap()),
            child,
            seen: Arc::new(Mutex::new(Seen {
                parser: vt100::Parser::new(24, 80, 0),
                raw: Vec::new(),
                ended: false,
            })),
            valve: Arc::default(),
            closing: Arc::default(),
            reader: None,
            master: Some(pair.master),
        };
        terminal.read();
        Some(terminal)
    }

    fn read(&mut self) {
        let mut master = self.master.as_ref().unwrap().try_clone_reader().unwrap();
        let (seen, valve, closing) = (self.seen.clone(), self.valve.clone(), self.closing.clone());
        self.reader = Some(std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = master.read(&mut bytes) {
                if count == 0 || closing.load(Ordering::SeqCst) {
                    break;
                }
                let mut seen = seen.lock().unwrap();
                seen.parser.process(&bytes[..count]);
                seen.raw.extend_from_slice(&bytes[..count]);
                drop(seen);
                let shut = valve.shut.lock().unwrap();
                drop(valve.turned.wait_while(shut, |shut| *shut).unwrap());
            }
            seen.lock().unwrap().ended = true;
        }));
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Every byte so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.lock().unwrap().raw.clone()
    }

    /// Waits for a screen that fits, or fails with the one that did not.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.within(LIMIT, what, fits)
    }

    #[track_caller]
    pub fn within(&self, limit: Duration, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + limit;
        loop {
            let screen = self.screen();
            if fits(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "never saw {what} in {limit:?}:\n{screen}");
            std::thread::sleep(LOOK);
        }
    }

    #[track_caller]
    pub fn see(&self, words: &str) -> String {
        self.until(words, |screen| screen.contains(words))
    }

    /// Presses keys: their bytes, at once.
    pub fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    /// Types text one key at a time, as a person does.
    pub fn type_slowly(&mut self, text: &str) {
        for key in text.chars() {
            self.press(key.encode_utf8(&mut [0; 4]));
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// The pause that belongs to the next key.
    #[expect(clippy::unused_self, reason = "reads as what the person at this terminal does")]
    pub fn pause(&self) {
        std::thread::sleep(GESTURE);
    }

    /// A command of the palette.
    pub fn command(&mut self, line: &str) {
        self.pause();
        self.press(":");
        self.pause();
        self.type_slowly(line);
        self.until(line, |screen| screen.contains(line));
        self.press("\r");
    }

    /// Arms by the estate's name.
    pub fn arm(&mut self) {
        self.see("SIM RO");
        self.press("A");
        self.see("type the estate's name");
        self.pause();
        self.type_slowly("contoso-avd");
        self.see("enter:   contoso-avd");
        self.press("\t");
        self.see("> Arm");
        self.pause();
        self.press("\r");
        self.see("SIM ARMED");
    }

    /// Opens the run of `hr`.
    pub fn start_run(&mut self) {
        self.start_run_in("graceful");
    }

    /// The same in a mode.
    pub fn start_run_in(&mut self, mode: &str) {
        self.press("r");
        self.see("start avd-pooled-failover");
        self.see("hr   WE > NE");
        self.pause();
        self.press("\t");
        self.see("> service");
        self.press("\t");
        self.see("> mode");
        self.until(mode, |screen| {
            screen
                .lines()
                .any(|line| line.contains("> mode ") && line.split_whitespace().any(|word| word == mode))
        });
        self.press("\t");
        self.see("> reason");
        self.type_slowly("drill");
        self.press("\r\r");
        self.see("> Start");
        self.pause();
        self.press("\r");
        self.see("declare the failover");
        self.until("the first step ready", |screen| ready(screen).is_some());
    }

    /// No byte is taken from the program any more, until [`Self::open_valve`].
    pub fn shut_valve(&self) {
        *self.valve.shut.lock().unwrap() = true;
    }

    pub fn open_valve(&self) {
        *self.valve.shut.lock().unwrap() = false;
        self.valve.turned.notify_all();
    }

    /// Changes the window.
    pub fn resize(&self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, ..PtySize::default() };
        self.seen.lock().unwrap().parser.screen_mut().set_size(rows, cols);
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// The far end goes away, as when a connection breaks. The program must be writing now and
    /// then, so that the reader comes to see that it is to end.
    pub fn vanish(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        self.keyboard = None;
        self.reader.take().unwrap().join().unwrap();
        self.master = None;
    }

    /// Sends a signal to the program.
    pub fn signal(&self, name: &str) {
        kill(self.child.process_id().unwrap(), name);
    }

    /// Waits for the program's end; its exit code.
    #[track_caller]
    pub fn end(&mut self, limit: Duration) -> u32 {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "still there after {limit:?}:\n{}", self.screen());
            std::thread::sleep(LOOK);
        }
    }

    /// Everything that was written until the last process let go of the terminal.
    pub fn rest(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        text(&self.raw())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.open_valve();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signals a process by `kill`, as an operator would.
pub fn kill(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// The row of the step that waits for a confirmation, as the run view shows it.
pub fn ready(screen: &str) -> Option<String> {
    let rows = screen.lines().filter_map(|line| line.split(['│', '|']).next());
    rows.map(str::trim).find(|row| row.starts_with('>') && row.contains(" ready")).map(str::to_owned)
}

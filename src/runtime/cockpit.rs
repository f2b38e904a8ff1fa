//! The cockpit on a terminal: batches, keys first, one frame per batch.

use std::{io, time::Duration};

use tokio::sync::mpsc;

use crate::{
    app::{Event, LeaveReason},
    ui::Look,
};

use super::{
    bearings::Keeper,
    clipboard::{self, Displays, PROGRAM_LIMIT},
    desk::Desk,
    front::{ColourSupport, First},
    ground::{self, Ground, Heard},
    hangup::{self, Watchdog},
    keys::{Input, Keys},
    pace::Pace,
    seat::{Front, Seat},
    signals::{self, Asked, Signals},
    terminal::{Canvas, Painted, TerminalClock},
};

/// Keys and frames wait so long for news at most, in milliseconds: half of what a key may take to the
/// screen (design §13).
const BATCH_MS: u64 = 8;

/// Time for the journal to take everything when the cockpit leaves.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// How the screen looks: as settled, or as the terminal's background lets it.
#[derive(Debug)]
pub struct Looks {
    /// What holds where the terminal is not asked or does not answer.
    pub usual: Look,
    /// What holds on a dark and on a light background; `None`: it is settled.
    pub by_ground: Option<[Look; 2]>,
    /// Where other themes come from.
    pub colours: ColourSupport,
}

impl Looks {
    fn asks(&self) -> bool {
        self.by_ground.is_some()
    }

    /// The look from now on.
    fn settle(&mut self, found: Option<Ground>) -> Look {
        if let (Some([dark, light]), Some(found)) = (self.by_ground.take(), found) {
            self.usual = match found {
                Ground::Dark => dark,
                Ground::Light => light,
            };
        }
        self.usual.clone()
    }
}

/// How the cockpit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A person left, or the process was asked to end.
    Left(LeaveReason),
    /// The person wants a run that lives in another simulated world.
    Reopen(String),
}

/// The cockpit.
#[derive(Debug)]
pub struct Cockpit<D> {
    desk: D,
    canvas: Canvas,
    keys: Keys,
    signals: Signals,
    look: Look,
    colours: ColourSupport,
    clock: TerminalClock,
    gone: mpsc::UnboundedReceiver<()>,
    /// What became of copies that a program was given.
    copied: (mpsc::UnboundedSender<Event>, mpsc::UnboundedReceiver<Event>),
    /// Keeps where the person is; `None`: nobody comes back here.
    keeper: Option<Keeper>,
    _watchdog: Watchdog,
    pace: Pace,
}

enum Woken<H> {
    Key(Input),
    Signal(Asked),
    Gone,
    Happening(H),
    Copied(Event),
    Frame,
}

impl Cockpit<Desk> {
    /// Keeps where the person is from now on; unless something else is to be done first, they begin where the
    /// last cockpit of this estate was left. A recording tells of its own sitting only.
    pub fn keep_place(&mut self, first: &First) {
        if self.desk.session().recorder.is_some() {
            return;
        }
        let mut keeper = Keeper::of(self.desk.session());
        if matches!(first, First::Nothing) {
            match keeper.recall() {
                Ok(Some(bearings)) => {
                    self.desk.app.restore(&bearings);
                    if let Some(theme) = bearings.theme.filter(|_| !self.colours.settled) {
                        self.restore_theme(theme);
                    }
                }
                Ok(None) => {}
                Err(why) => self.desk.feed(Event::Notice(crate::domain::Safe::new(&why)), None),
            }
        }
        self.keeper = Some(keeper);
    }

    /// Takes the theme that was chosen here last, without a word; what is gone since then is no mistake of today's.
    fn restore_theme(&mut self, name: String) {
        if let Ok(theme) = self.colours.theme(&name) {
            self.look.theme = theme;
            self.desk.app.theme = Some(name);
        }
    }

    /// Goes on with a run as soon as the cockpit stands.
    pub fn resume(&mut self, run: String) {
        self.desk.resume(run);
    }

    /// Starts a run as soon as the cockpit stands.
    pub fn start(&mut self, order: crate::app::StartOrder) {
        self.desk.start(order);
    }
}

impl<D: Seat> Cockpit<D> {
    /// Takes the terminal, and sits down at what `desk` makes.
    pub fn open(looks: &mut Looks, desk: impl FnOnce(TerminalClock) -> D) -> io::Result<Self> {
        let clock = TerminalClock::start();
        let (tell, gone) = mpsc::unbounded_channel();
        let watchdog = Watchdog::watch(move || {
            let _ = tell.send(());
        })?;
        let signals = Signals::listen()?;
        let canvas = Canvas::open()?;
        // Before the keys are read: its answer comes where they do.
        let heard = if looks.asks() { ground::ask(clock) } else { Heard::default() };
        let look = looks.settle(heard.ground);
        let keys = Keys::start(clock, heard);
        let mut desk = desk(clock);
        let (w, h) = Canvas::size();
        desk.feed(Event::Resized { w, h }, None);
        Ok(Self {
            desk,
            canvas,
            keys,
            signals,
            look,
            colours: looks.colours,
            clock,
            gone,
            copied: mpsc::unbounded_channel(),
            keeper: None,
            _watchdog: watchdog,
            pace: Pace::start(),
        })
    }

    /// What it sits on.
    pub fn desk(&self) -> &D {
        &self.desk
    }

    /// Runs until somebody leaves.
    pub async fn run(&mut self) -> io::Result<End> {
        loop {
            self.paint_if_due()?;
            match self.wait().await {
                Woken::Frame => {}
                Woken::Key(input) => self.key(input).await?,
                Woken::Signal(asked) => self.signal(asked).await?,
                Woken::Gone => self.hung_up(),
                Woken::Copied(event) => {
                    self.pace.at_once();
                    self.desk.feed(event, None);
                }
                Woken::Happening(happening) => self.batch(happening),
            }
            while let Some(input) = self.keys.ready() {
                self.key(input).await?;
            }
            if let Some(end) = self.errands().await {
                return Ok(end);
            }
        }
    }

    async fn wait(&mut self) -> Woken<D::Happening> {
        let frame = self.pace.wait(self.clock.ms());
        let canvas = &self.canvas;
        let frame = async move {
            match frame {
                Some(ms) => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    canvas.taken().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            input = self.keys.next() => Woken::Key(input),
            asked = self.signals.next() => Woken::Signal(asked),
            Some(()) = self.gone.recv() => Woken::Gone,
            Some(event) = self.copied.1.recv() => Woken::Copied(event),
            () = frame => Woken::Frame,
            happening = self.desk.next() => Woken::Happening(happening),
        }
    }

    fn paint_if_due(&mut self) -> io::Result<()> {
        if self.pace.wait(self.clock.ms()) != Some(0) {
            return Ok(());
        }
        self.desk.app().settle();
        if self.canvas.paint(self.desk.app(), &self.look)? == Painted::Yes {
            self.pace.painted(self.clock.ms());
        }
        Ok(())
    }

    /// Takes what there is for as long as keys and frames can wait: where more comes than can be taken
    /// in, the screen must not stand still over it.
    fn batch(&mut self, first: D::Happening) {
        let (clock, until) = (self.clock, self.clock.ms() + BATCH_MS);
        self.desk.gather(first, || clock.ms() < until);
        if let Some(keeper) = &mut self.keeper {
            keeper.note(self.desk.app().bearings());
        }
        self.pace.news();
    }

    async fn key(&mut self, input: Input) -> io::Result<()> {
        self.pace.at_once();
        match &input {
            Input::Suspend => self.suspend().await?,
            Input::Lost => self.hung_up(),
            Input::Press { .. } | Input::Paste => {}
        }
        if let Some(event) = input.event(self.desk.app()) {
            self.desk.feed(event, input.at());
        }
        Ok(())
    }

    async fn signal(&mut self, asked: Asked) -> io::Result<()> {
        match asked {
            Asked::Leave(LeaveReason::Hangup) if hangup::is_gone() => self.hung_up(),
            Asked::Leave(reason) => self.desk.feed(Event::Leaving(reason), None),
            Asked::Suspend => self.suspend().await?,
            Asked::Continued => {
                self.canvas.retake()?;
                self.resized();
            }
            Asked::Resized => {
                self.canvas.forget();
                self.resized();
            }
        }
        Ok(())
    }

    /// Takes the window as it is now.
    fn resized(&mut self) {
        let (w, h) = Canvas::size();
        self.desk.feed(Event::Resized { w, h }, None);
        self.pace.at_once();
    }

    /// The terminal is gone: nothing is written to it any more, then the run is held.
    fn hung_up(&mut self) {
        self.canvas.abandon();
        self.desk.feed(Event::Leaving(LeaveReason::Hangup), None);
    }

    /// Gives the terminal to the shell and takes it back afterwards.
    async fn suspend(&mut self) -> io::Result<()> {
        if !signals::shell_waits() {
            let text = crate::domain::Safe::new("no shell waits here, so there is nothing to go back to");
            self.desk.feed(Event::Notice(text), None);
            return Ok(());
        }
        self.keys.pause().await;
        self.canvas.release();
        signals::stop_here();
        self.keys.resume();
        self.canvas.retake()?;
        let (w, h) = Canvas::size();
        self.desk.feed(Event::Resized { w, h }, None);
        self.pace.at_once();
        Ok(())
    }

    async fn errands(&mut self) -> Option<End> {
        for errand in self.desk.for_front() {
            // The bell and what is copied leave with the next frame.
            self.pace.at_once();
            match errand {
                Front::Bell => self.canvas.bell(),
                Front::Copy(text) => self.copy(text),
                Front::Theme(name) => self.set_theme(&name),
                Front::Reopen(run) => return Some(End::Reopen(run)),
                Front::Leave(reason) => {
                    self.last_words().await;
                    return Some(End::Left(reason));
                }
            }
        }
        None
    }

    /// Changes the colours, or says why not.
    fn set_theme(&mut self, name: &str) {
        let worn = self.colours.theme(name).map(|theme| {
            self.look.theme = theme;
            self.canvas.forget();
            name.to_owned()
        });
        self.desk.feed(Event::ThemeSet(worn), None);
    }

    /// Puts a text on the clipboard: by the terminal at once, and by a program of this machine beside the
    /// loop where there is one.
    fn copy(&mut self, text: String) {
        let sent = self.canvas.copy(&text);
        let variable = |name| std::env::var(name).ok();
        let [wayland, x11, ssh] = ["WAYLAND_DISPLAY", "DISPLAY", "SSH_CONNECTION"].map(variable);
        let [wayland, x11, ssh] = [&wayland, &x11, &ssh].map(Option::as_deref);
        let displays = Displays { wayland, x11, ssh, macos: cfg!(target_os = "macos") };
        let programs = displays.programs();
        if programs.is_empty() {
            let outcome = clipboard::told(text.len(), sent, None);
            return self.desk.feed(Event::Copied { text, outcome }, None);
        }
        let tell = self.copied.0.clone();
        tokio::spawn(async move {
            let taken = clipboard::put(&text, &programs, PROGRAM_LIMIT).await;
            let outcome = clipboard::told(text.len(), sent, taken);
            let _ = tell.send(Event::Copied { text, outcome });
        });
    }

    /// Waits until everything decided is on disk, for a bounded time.
    async fn last_words(&mut self) {
        let (desk, keeper) = (&mut self.desk, &mut self.keeper);
        let _ = tokio::time::timeout(LAST_WORDS, async {
            while !desk.is_durable() {
                let happening = desk.next().await;
                desk.gather(happening, || false);
                desk.app().settle();
            }
            if let Some(keeper) = keeper {
                keeper.part(desk.app().bearings()).await;
            }
            if let Some(kept) = desk.keep() {
                let _ = kept.await;
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        app::{App, Moment, StartOrder},
        cli,
        journal::verify::verify,
        runbook::Mode,
        runtime::{front, session::Session, terminal},
        ui::{Glyphs, theme::Theme},
    };

    /// What ends the child process below, and over which state.
    const ENDS_BY: &str = "FARSHORE_COCKPIT_ENDS_BY";
    const STATE: &str = "FARSHORE_COCKPIT_STATE";

    /// Journals under a state directory that have a whole record.
    fn journals(state: &Path) -> Vec<std::path::PathBuf> {
        let estates = std::fs::read_dir(state.join("journal")).into_iter().flatten().flatten();
        let files =
            estates.flat_map(|estate| std::fs::read_dir(estate.path()).into_iter().flatten().flatten());
        let whole = |path: &std::path::PathBuf| {
            path.extension().is_some_and(|end| end == "jsonl")
                && std::fs::read_to_string(path).is_ok_and(|text| text.contains('\n'))
        };
        files.map(|file| file.path()).filter(whole).collect()
    }

    /// A cockpit with an open run, until its first record is on disk; then what was asked for.
    async fn open_until_broken(state: &str, ends_by: &str) -> io::Result<End> {
        let words = ["farshore", "--sim=tiny", "--state-dir", state];
        let cli = cli::parse(words.map(std::ffi::OsString::from)).unwrap();
        let session = Arc::new(Session::open(&cli.global, None).unwrap());
        let app = App::new(front::setup(&cli, &session), Moment { now: session.clock.now(), terminal: 0 });
        let theme = Theme::named("default").unwrap();
        let look = Look { theme, glyphs: Glyphs::Box, zone: None };
        let mut looks = Looks { usual: look, by_ground: None, colours: ColourSupport::default() };
        let mut cockpit = Cockpit::open(&mut looks, |clock| Desk::new(session.clone(), app, clock))?;
        cockpit.start(StartOrder {
            mark: 0,
            runbook: "avd-pooled-failover".to_owned(),
            service: session.estate.services[0].name.clone(),
            mode: Some(Mode::Graceful),
            reason: "test".into(),
            impact: None,
            moved_too: vec![],
            left_holders: vec![],
        });
        let written = async {
            while journals(Path::new(state)).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            end = cockpit.run() => end,
            () = written => match ends_by {
                "panic" => panic!("on purpose"),
                _ => Err(io::Error::other("on purpose")),
            },
        }
    }

    /// Not a test of its own: the part that runs on a terminal, started by the next one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    #[ignore = "started by what_breaks_an_open_run_leaves_terminal_and_journal_whole"]
    async fn on_a_terminal() {
        let (Ok(state), Ok(ends_by)) = (std::env::var(STATE), std::env::var(ENDS_BY)) else { return };
        terminal::install_panic_hook();
        if let Err(error) = open_until_broken(&state, &ends_by).await {
            println!("ended by: {error}");
        }
    }

    #[test]
    fn what_breaks_an_open_run_leaves_terminal_and_journal_whole() {
        for ends_by in ["panic", "error"] {
            let state = tempfile::tempdir().unwrap();
            let path = state.path().to_str().unwrap();
            let test = "runtime::cockpit::tests::on_a_terminal";
            let all = terminal::tests::written_by(test, &[(STATE, path), (ENDS_BY, ends_by)]);
            let given_back = all.rfind("\x1b[?1049l").unwrap_or_else(|| panic!("{all:?}"));
            assert!(all.rfind("\x1b[?1049h") < Some(given_back), "{all:?}");
            assert!(all[given_back..].contains("on purpose"), "what went wrong is read: {all:?}");
            let journals = journals(state.path());
            assert_eq!(journals.len(), 1, "{all:?}");
            let report = verify(&journals[0], None).unwrap();
            assert_eq!(report.exit_code, 0, "{report:?}");
        }
    }
}

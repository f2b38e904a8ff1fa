//! Chooses the front of a session: the cockpit on a terminal, or lines.

use std::{
    env,
    io::{self, IsTerminal},
    sync::Arc,
};

use crate::{
    app::{
        self, App, LeaveReason, Moment, RunbookEntry, Setup, Speed, StartOrder, TokenStatus, World,
        keyboard::Keyboard,
    },
    cli::{self, Cli, Color},
    domain::estate::{Estate, Layout, ServiceKind},
    engine::event::WorldKind,
    runbook::{self, Mode},
    ui::{
        Glyphs, Look, Zone,
        theme::{self, Shelf, Theme, ThemeErrors},
    },
};

use super::{
    cockpit::{Cockpit, End, Looks},
    desk::Desk,
    kept, keyfile, lines, paper,
    player::Player,
    session::{Place, Session},
    terminal::{self, TerminalClock},
    themes::Themes,
    verbs::{VerbError, session_of},
};

/// What the front does as soon as it stands.
#[derive(Debug, Clone)]
pub enum First {
    /// Nothing.
    Nothing,
    /// Starts a run.
    Start(Box<StartOrder>),
    /// Goes on with a run.
    Resume(String),
}

/// The bare cockpit, or the run view of `run` and `resume`. Returns the exit code.
pub fn open(cli: &Cli, session: Session, first: First) -> Result<u8, VerbError> {
    if cli.global.plain {
        return lines::open(cli, session, first);
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(VerbError::Usage(
            "this is no terminal: use --plain for lines, or a verb such as `farshore status`".to_owned(),
        ));
    }
    let (mut looks, dumb) = looks_here(cli)?;
    if dumb {
        // It cannot place a cursor: a screen would be rubbish there.
        return lines::open(cli, session, first);
    }
    let keys = keys(cli)?;
    terminal::install_panic_hook();
    let mut session = session;
    let mut first = first;
    loop {
        match one(cli, session, (&mut looks, &keys), first)? {
            End::Left(LeaveReason::Person) => return Ok(0),
            End::Left(_) => return Ok(3),
            End::Reopen(run) => {
                session = session_of(cli, &run)?;
                first = First::Resume(run);
            }
        }
    }
}

/// How the screen looks here, and whether the terminal can only take lines.
fn looks_here(cli: &Cli) -> Result<(Looks, bool), VerbError> {
    let variable = |name| env::var(name).ok();
    let all = ["NO_COLOR", "TERM", "COLORFGBG", "COLORTERM"].map(variable);
    let [no_color, term, fgbg, colorterm] = all.each_ref().map(Option::as_deref);
    let surroundings = Surroundings { no_color, term, fgbg, colorterm };
    Ok((looks(cli, &surroundings)?, surroundings.is_dumb()))
}

/// The keys of this person, for whatever opens a screen; lines know none. A mistake in them is told before
/// anything is opened, with the way around it: at night nobody may be kept out by a file of keys.
pub fn keys(cli: &Cli) -> Result<Keyboard, VerbError> {
    let dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
    if cli.global.plain || dumb {
        return Ok(Keyboard::default());
    }
    match keyfile::own() {
        Ok(own) => Ok(own.map(|own| own.keyboard).unwrap_or_default()),
        Err(errors) => {
            let label = errors.label();
            Err(VerbError::Usage(format!(
                "{errors}\nnothing was opened; it opens with the usual keys once the file is out of the way: \
                 mv {label} {label}.off"
            )))
        }
    }
}

/// The cockpit over a recording. Returns the exit code.
pub fn replay<E>(cli: &Cli, player: impl FnOnce(TerminalClock) -> Result<Player, E>) -> Result<u8, VerbError>
where
    VerbError: From<E>,
{
    let (mut looks, _) = looks_here(cli)?;
    let keys = keys(cli)?;
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        handle.block_on(async {
            // Before the terminal is taken: what cannot be played is told on it as it is.
            let mut player = player(TerminalClock::start())?;
            player.app.keys = keys;
            if let Some(masks) = paper::masks() {
                player.app.redact(masks);
            }
            terminal::install_panic_hook();
            let end = Cockpit::open(&mut looks, |clock| player.on(clock))?.run().await?;
            Ok(if end == End::Left(LeaveReason::Person) { 0 } else { 3 })
        })
    })
}

/// A desk that shows at once what was seen before this start. A recording tells of its own sitting only.
fn seated(session: Arc<Session>, app: App, clock: TerminalClock) -> Desk {
    let seen = kept::recalled(&session).filter(|_| session.recorder.is_none());
    let mut desk = Desk::new(session, app, clock);
    if let Some(seen) = seen {
        desk.feed(seen, None);
    }
    desk
}

fn one(
    cli: &Cli,
    session: Session,
    (looks, keys): (&mut Looks, &Keyboard),
    first: First,
) -> Result<End, VerbError> {
    let session = Arc::new(session);
    // Inside the session's own runtime: its clock and tasks belong to it.
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        handle.block_on(async {
            let mut app = App::new(setup(cli, &session), Moment { now: session.clock.now(), terminal: 0 });
            app.take_keys(keys.clone());
            if let Some(masks) = paper::masks() {
                app.redact(masks);
            }
            let mut cockpit = Cockpit::open(looks, |clock| seated(session, app, clock))?;
            cockpit.keep_place(&first);
            match first {
                First::Nothing => {}
                First::Start(order) => cockpit.start(*order),
                First::Resume(run) => cockpit.resume(run),
            }
            let end = cockpit.run().await?;
            // Why it is not whole is told where the terminal is free again.
            cockpit.desk().end_recording("left");
            Ok(end)
        })
    })
}

/// What the app is opened with.
pub fn setup(cli: &Cli, session: &Session) -> Setup {
    let world = match session.world() {
        WorldKind::Sim => World::Sim,
        WorldKind::Live => World::Live,
    };
    let endpoint = match &session.place {
        Place::Live(endpoint) if endpoint.is_loopback() => {
            Some(session.endpoint.trim_start_matches("http://").to_owned())
        }
        _ => None,
    };
    Setup {
        world,
        access: if cli.global.read_only { crate::app::Access::ReadOnly } else { crate::app::Access::MayArm },
        endpoint,
        estate: session.estate.clone(),
        identity: session.identity(),
        token: if world == World::Sim { TokenStatus::NotNeeded } else { TokenStatus::Asking },
        speed: Speed::Times(session.clock.speed()),
        runbooks: runbooks(&session.estate),
        bell: match cli.global.bell {
            cli::Bell::Never => app::Bell::Never,
            cli::Bell::Needed => app::Bell::Needed,
            cli::Bell::Always => app::Bell::Always,
        },
    }
}

/// The procedures that fit services of an estate.
pub fn runbooks(estate: &Estate) -> Vec<RunbookEntry> {
    let services: Vec<String> = estate
        .services
        .iter()
        .filter(|service| service.kind == ServiceKind::AvdPooled && service.layout == Layout::ActivePassive)
        .map(|service| service.name.clone())
        .collect();
    runbook::builtin_ids()
        .filter_map(runbook::builtin)
        .map(|runbook| RunbookEntry {
            usual: [Mode::Graceful, Mode::Ungraceful].map(|mode| runbook.usual(mode)),
            id: runbook.id,
            title: runbook.title,
            local: runbook.local,
            services: services.clone(),
        })
        .collect()
}

/// What of the surroundings decides how the screen looks.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings<'a> {
    /// `NO_COLOR`.
    no_color: Option<&'a str>,
    /// `TERM`.
    term: Option<&'a str>,
    /// `COLORFGBG`, the terminal's two colours: `15;0` is white on black.
    fgbg: Option<&'a str>,
    /// `COLORTERM`.
    colorterm: Option<&'a str>,
}

impl Surroundings<'_> {
    /// Whether the terminal can only take lines.
    fn is_dumb(&self) -> bool {
        self.term == Some("dumb")
    }

    /// Whether nothing may be coloured.
    fn is_mono(&self, asked: Color) -> bool {
        match asked {
            Color::Never => true,
            Color::Always => false,
            Color::Auto => self.no_color.is_some_and(|value| !value.is_empty()) || self.is_dumb(),
        }
    }

    /// The theme where none is asked for: the terminal's own colours, but for light backgrounds, where
    /// yellow and cyan of the sixteen cannot be read.
    fn default_theme(&self) -> &'static str {
        let ground = self.fgbg.and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        if matches!(ground, Some(7 | 9..=15)) { "light" } else { "default" }
    }

    /// Whether the terminal itself is to be asked for its background: where nothing else decides. The
    /// console of Linux knows no answer.
    fn asks_ground(&self, asked: Color, name: Option<&str>) -> bool {
        name.is_none() && !self.is_mono(asked) && self.term != Some("linux")
    }

    /// Whether exact colours are understood.
    fn is_exact(&self) -> bool {
        matches!(self.colorterm, Some("truecolor" | "24bit"))
    }

    fn colours(&self, asked: Color, name: Option<&str>) -> ColourSupport {
        ColourSupport { mono: self.is_mono(asked), exact: self.is_exact(), settled: name.is_some() }
    }

    fn theme(&self, asked: Color, name: Option<&str>, shelf: &dyn Shelf) -> Result<Theme, ThemeErrors> {
        // A theme that is asked for is read even where it is not used: a mistake in it is told.
        let theme = Theme::found(name.unwrap_or_else(|| self.default_theme()), shelf)?;
        Ok(match (self.is_mono(asked), self.is_exact()) {
            (true, _) => Theme::named("mono")?,
            (false, true) => theme,
            (false, false) => theme.in_256(),
        })
    }
}

/// What a theme asked for in an open cockpit is fitted to.
#[derive(Debug, Clone, Copy, Default)]
pub struct ColourSupport {
    /// Nothing may be coloured.
    mono: bool,
    /// Exact colours are understood.
    exact: bool,
    /// The command line names a theme, which holds whatever was chosen before.
    pub settled: bool,
}

impl ColourSupport {
    /// The theme of this name, or one line that says why there is none and which there are.
    pub fn theme(self, name: &str) -> Result<Theme, String> {
        let shelf = Themes::own();
        if name.is_empty() {
            let mut names: Vec<String> = theme::names().map(str::to_owned).collect();
            names.extend(shelf.names().into_iter().filter(|own| !theme::names().any(|name| name == own)));
            return Err(format!("theme takes a name: {}", names.join(", ")));
        }
        let theme = Theme::found(name, &shelf).map_err(|errors| errors.to_string().replace('\n', "; "))?;
        match (self.mono, self.exact) {
            (true, _) if name != "mono" => {
                Err("no colours here: NO_COLOR or --color never asks for none".to_owned())
            }
            (_, true) => Ok(theme),
            (_, false) => Ok(theme.in_256()),
        }
    }
}

/// Whether the theme that is asked for is one.
pub fn check_theme(cli: &Cli) -> Result<(), VerbError> {
    let Some(name) = &cli.global.theme else { return Ok(()) };
    match Theme::found(name, &Themes::own()) {
        Ok(_) => Ok(()),
        Err(errors) => Err(VerbError::Usage(errors.to_string())),
    }
}

fn looks(cli: &Cli, surroundings: &Surroundings<'_>) -> Result<Looks, VerbError> {
    let (color, name) = (cli.global.color, cli.global.theme.as_deref());
    let look = |name: Option<&str>| -> Result<Look, VerbError> {
        let theme = surroundings.theme(color, name, &Themes::own());
        Ok(look(cli, theme.map_err(|errors| VerbError::Usage(errors.to_string()))?))
    };
    let by_ground = if surroundings.asks_ground(color, name) {
        Some([look(Some("default"))?, look(Some("light"))?])
    } else {
        None
    };
    Ok(Looks { usual: look(name)?, by_ground, colours: surroundings.colours(color, name) })
}

fn look(cli: &Cli, theme: Theme) -> Look {
    let variable = |name| env::var(name).ok();
    let (all, ctype, lang) = (variable("LC_ALL"), variable("LC_CTYPE"), variable("LANG"));
    let glyphs = if cli.global.ascii {
        Glyphs::Ascii
    } else {
        Glyphs::of_locale(all.as_deref(), ctype.as_deref(), lang.as_deref())
    };
    Look { theme, glyphs, zone: Zone::try_system().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::BuiltIn;

    #[test]
    fn the_surroundings_decide_the_colours() {
        let check = |asked: Color, name: Option<&str>, around: Surroundings<'_>, expected: &str| {
            let around = Surroundings { colorterm: Some("truecolor"), ..around };
            let theme = around.theme(asked, name, &BuiltIn).unwrap();
            assert_eq!(theme, Theme::named(expected).unwrap(), "{asked:?} {name:?} {around:?}");
        };
        let none = Surroundings::default();
        let no_color = Surroundings { no_color: Some("1"), ..none };
        let empty = Surroundings { no_color: Some(""), ..none };
        let dumb = Surroundings { term: Some("dumb"), ..none };
        let on = |fgbg| Surroundings { fgbg: Some(fgbg), ..none };
        check(Color::Auto, None, none, "default");
        check(Color::Auto, None, no_color, "mono");
        check(Color::Auto, Some("light"), no_color, "mono");
        check(Color::Auto, None, empty, "default");
        check(Color::Auto, None, dumb, "mono");
        check(Color::Always, None, no_color, "default");
        check(Color::Always, Some("dark"), dumb, "dark");
        check(Color::Never, Some("dark"), none, "mono");
        for (fgbg, expected) in [
            ("15;0", "default"),
            ("7;8", "default"),
            ("0;15", "light"),
            ("0;7", "light"),
            ("0;default;15", "light"),
            ("default;default", "default"),
            ("", "default"),
        ] {
            check(Color::Auto, None, on(fgbg), expected);
            check(Color::Auto, Some("dark"), on(fgbg), "dark");
        }
        for (asked, name, around, expected) in [
            (Color::Auto, None, none, true),
            (Color::Always, None, no_color, true),
            (Color::Auto, None, on("15;0"), true),
            (Color::Auto, None, no_color, false),
            (Color::Never, None, none, false),
            (Color::Auto, Some("dark"), none, false),
            (Color::Auto, None, Surroundings { term: Some("linux"), ..none }, false),
        ] {
            assert_eq!(around.asks_ground(asked, name), expected, "{asked:?} {name:?} {around:?}");
        }
        let less = none.theme(Color::Auto, Some("dark"), &BuiltIn).unwrap();
        assert_eq!(less, Theme::named("dark").unwrap().in_256());
        assert!(no_color.theme(Color::Never, Some("drak"), &BuiltIn).is_err());
    }
}

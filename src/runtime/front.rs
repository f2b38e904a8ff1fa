//! Chooses the front of a session: the cockpit on a terminal, or lines.

use std::{
    env,
    io::{self, IsTerminal},
    sync::Arc,
};

use crate::{
    app::{App, LeaveReason, Moment, RunbookEntry, Setup, Speed, StartOrder, TokenStatus, World},
    cli::{Cli, Color},
    domain::estate::{Layout, ServiceKind},
    engine::event::WorldKind,
    runbook::{self, Mode},
    ui::{
        Glyphs, Look, Zone,
        theme::{Theme, ThemeError},
    },
};

use super::{
    cockpit::{Cockpit, End},
    lines,
    session::{Place, Session},
    terminal,
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
    let look = look(cli)?;
    terminal::install_panic_hook();
    let mut session = session;
    let mut first = first;
    loop {
        match one(cli, session, &look, first)? {
            End::Left(LeaveReason::Person) => return Ok(0),
            End::Left(_) => return Ok(3),
            End::Reopen(run) => {
                session = session_of(cli, &run)?;
                first = First::Resume(run);
            }
        }
    }
}

fn one(cli: &Cli, session: Session, look: &Look, first: First) -> Result<End, VerbError> {
    let session = Arc::new(session);
    // Inside the session's own runtime: its clock and tasks belong to it.
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        handle.block_on(async {
            let app = App::new(setup(cli, &session), Moment { now: session.clock.now(), terminal: 0 });
            let mut cockpit = Cockpit::open(session, app, look.clone())?;
            match first {
                First::Nothing => {}
                First::Start(order) => cockpit.start(*order),
                First::Resume(run) => cockpit.resume(run),
            }
            Ok(cockpit.run().await?)
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
        runbooks: runbooks(session),
    }
}

fn runbooks(session: &Session) -> Vec<RunbookEntry> {
    let services: Vec<String> = session
        .estate
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

fn look(cli: &Cli) -> Result<Look, VerbError> {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
    let mono = match cli.global.color {
        Color::Never => true,
        Color::Always => false,
        Color::Auto => no_color || dumb,
    };
    let name = match (&cli.global.theme, mono) {
        (_, true) => "mono",
        (Some(name), false) => name,
        (None, false) => "default",
    };
    let theme = Theme::named(name).map_err(|error: ThemeError| VerbError::Usage(error.to_string()))?;
    let variable = |name| env::var(name).ok();
    let (all, ctype, lang) = (variable("LC_ALL"), variable("LC_CTYPE"), variable("LANG"));
    let glyphs = if cli.global.ascii {
        Glyphs::Ascii
    } else {
        Glyphs::of_locale(all.as_deref(), ctype.as_deref(), lang.as_deref())
    };
    Ok(Look { theme, glyphs, zone: Zone::try_system().ok() })
}

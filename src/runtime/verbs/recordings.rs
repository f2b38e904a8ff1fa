//! `record` and `replay`.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    path::Path,
};

use crate::{
    app::feed::{self, FeedLine},
    cli::{Asked, Cli, Record, Speed},
    domain::{Safe, time::time_text},
    recording::Tape,
    runtime::{
        front::{self, First},
        recordings,
        seat::Seat,
        session::Session,
        terminal::TerminalClock,
    },
};

use super::{VerbError, print};

/// `farshore record`.
pub fn record(cli: &Cli, args: &Record) -> Result<u8, VerbError> {
    if !cli.global.plain && !is_terminal() {
        // Nothing is begun that could not be sat at.
        return Err(VerbError::Usage("this is no terminal: record opens the cockpit, or --plain".to_owned()));
    }
    front::keys(cli)?;
    let session = Session::open(&cli.global, Some("record"))?;
    let (session, path) = recordings::begin(session, args.out.as_deref(), cli.global.redact)?;
    let recorder = session.recorder.clone();
    let code = front::open(cli, session, First::Nothing)?;
    let said = match recorder.and_then(|recorder| recorder.trouble()) {
        Some(why) => format!("the recording {} is not whole: {why}", path.display()),
        None => format!("recorded into {}", path.display()),
    };
    let _ = writeln!(crate::runtime::paper::err(), "farshore: {}", Safe::new(&said));
    Ok(code)
}

/// `farshore replay`.
pub async fn replay(cli: &Cli, file: &Path) -> Result<u8, VerbError> {
    if cli.global.asked() != Asked::Nothing || cli.global.endpoint.is_some() {
        return Err(VerbError::Usage("a recording brings its own estate: leave that flag out".to_owned()));
    }
    let tape = recordings::read(file)?;
    if cli.global.plain || !is_terminal() {
        return story(tape, file).await;
    }
    let speed = match cli.global.speed {
        Some(Speed::Times(times)) => times,
        Some(Speed::Max) | None => 1.0,
    };
    front::replay(cli, |clock| recordings::player(tape, file, speed, clock))
}

fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// The events of a whole recording as lines, at once.
async fn story(tape: Tape, file: &Path) -> Result<u8, VerbError> {
    let (mode, length, cut) = (tape.header.mode.clone(), tape.length, tape.cut);
    let redacted = if tape.header.redacted { ", redacted" } else { "" };
    let mut text = format!(
        "REPLAY {mode} {} from {}, {} s, {} exchanges{redacted}\n",
        Safe::new(&tape.header.estate),
        tape.header.start,
        length / 1_000_000,
        tape.exchanges,
    );
    for what in &tape.header.withheld {
        let _ = writeln!(text, "WITHHELD {}", Safe::new(what));
    }
    let mut player = recordings::player(tape, file, 1.0, TerminalClock::start())?;
    player.seek(length);
    while !player.has_arrived() {
        let played = player.next().await;
        player.gather(played, || true);
    }
    let lines: Vec<&FeedLine> = player.app.feed.newest().collect();
    for line in lines.into_iter().rev() {
        let from = feed::code(&line.origin);
        let _ = writeln!(text, "{}  {from:3} {}", time_text(line.at), Safe::new(&line.text));
    }
    let _ = match cut {
        Some(line) => writeln!(text, "CUT after line {line}: its end is missing"),
        None => writeln!(text, "END"),
    };
    print(&text)?;
    Ok(0)
}

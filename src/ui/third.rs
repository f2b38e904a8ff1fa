//! The third verdict of home: whether a region is dead, or only not to be seen from here, and where neither
//! is so how ready the estate is.

use crate::{
    app::App,
    domain::{Side, Source, death, reading::Footing, signs::Grade, text::counted, time::Timestamp},
    readiness::State,
    status::{Aged, CellState},
};

use super::{head, pen::columns};

/// A verdict in one line.
pub(super) struct Third {
    /// What it is about.
    pub(super) name: &'static str,
    pub(super) state: CellState,
    pub(super) text: String,
    /// When the oldest was in that it rests on.
    pub(super) at: Option<Timestamp>,
    /// Whether that is too old to stand for now.
    pub(super) stale: bool,
}

const VANTAGE: &str = "vantage";

/// What is to be said now, in a narrow window shorter.
pub(super) fn of(app: &App, narrow: bool) -> Third {
    cut_off(app, narrow).or_else(|| vantage(app, narrow)).unwrap_or_else(|| readiness(app, narrow))
}

/// That neither region is heard: no sign of death, it may well be this machine. A call that was missed once is
/// no failure, and signs that have grown old meanwhile say nothing of now.
fn cut_off(app: &App, narrow: bool) -> Option<Third> {
    let unheard = |side| death::unheard(&app.picture, &Source::Control(side));
    let at = unheard(Side::Primary)?.min(unheard(Side::Secondary)?);
    // Nobody has asked since.
    let stale = Footing::failed(&Source::Control(Side::Primary), at).is_old(app.shown_at());
    let text = if narrow {
        "this machine sees neither region"
    } else {
        "calls fail to both regions: this machine sees neither"
    };
    let text = if stale { format!("last {text}") } else { text.to_owned() };
    Some(Third { name: VANTAGE, state: CellState::Unknown, text, at: Some(at), stale })
}

/// Whether a region is dead, or only not to be seen from here.
fn vantage(app: &App, narrow: bool) -> Option<Third> {
    // The last of those that are equal is the first.
    let worst =
        |side: &Side| (app.summary.regions[*side].signs.grade, app.summary.regions[*side].signs.serves);
    let side = Side::BOTH.into_iter().rev().max_by_key(worst)?;
    let region = &app.summary.regions[side];
    let (signs, numbers) = (&region.signs, region.signs.numbers());
    let [seen, silent] = signs.dead_words().unwrap_or_default();
    let (state, text) = if signs.grade == Grade::None {
        return None;
    } else if head::is_back(app, side) {
        (CellState::Warn, format!("{} answers again, whatever its {numbers} say", region.code))
    } else if signs.dead() && signs.serves {
        let silent = if narrow { "" } else { silent };
        let text = format!("{} {seen} ({numbers}){silent}", region.code);
        let gap = match columns(&text) {
            _ if narrow || signs.stale => "",
            ..=GAP_AFTER => "  ->  ungraceful failover",
            _ => "  ->  ungraceful",
        };
        (CellState::Crit, text + gap)
    } else if signs.dead() {
        (CellState::Crit, format!("{} {seen} ({numbers}); it serves nobody", region.code))
    } else {
        (CellState::Warn, format!("{}: {numbers}; two of one service make it dead", region.code))
    };
    let text = if signs.stale && !signs.dead() { format!("last {text}") } else { text };
    Some(Third { name: VANTAGE, state, text, at: signs.at, stale: signs.stale })
}

/// Columns of a verdict that leave room at 80 for the whole of what fits it.
const GAP_AFTER: usize = 30;

/// How the checks of the services in scope came out.
fn readiness(app: &App, narrow: bool) -> Third {
    let count = |state| app.readiness.iter().filter(|found| found.state == state).count();
    let [ok, warn, crit, unknown] = [State::Ok, State::Warn, State::Crit, State::Unknown].map(count);
    let state = match (crit, unknown, warn) {
        (0, 0, 0) => CellState::Ok,
        (0, 0, _) => CellState::Warn,
        (0, ..) => CellState::Unknown,
        _ => CellState::Crit,
    };
    let (oldest, aged) = oldest_check(app, |_| true);
    let text = if narrow {
        format!("{crit} blocking, {warn} warn, {unknown} not known, {ok} ok")
    } else {
        let unknown = if unknown > 0 { format!(", {unknown} not known") } else { String::new() };
        format!("{ok} ok, {}, {crit} blocking{unknown}", counted(warn, "warning"))
    };
    Third { name: "readiness", state, text, at: oldest, stale: aged == Aged::Old }
}

/// When the oldest look was in that the checks of these states rest on, and whether any of them is too old to
/// be trusted: then of those, for sources are trusted for spans of their own.
pub(super) fn oldest_check(app: &App, of: impl Fn(State) -> bool) -> (Option<Timestamp>, Aged) {
    let all = || app.readiness.iter().filter(|found| of(found.state));
    let old = all().any(|found| found.old);
    let oldest = all().filter(|found| found.old == old).filter_map(|found| found.from).min();
    (oldest.or_else(|| all().filter_map(|found| found.from).min()), old.into())
}

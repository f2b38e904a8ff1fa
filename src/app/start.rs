//! The start dialog: which service, in which mode, why, and what becomes of holders nobody planned.

use crate::{
    domain::{
        Safe, Side, Source,
        access::PrincipalId,
        advice,
        death::{self, Sign},
        estate::Estate,
        picture::Picture,
        reading::SilenceKind,
        standing,
        time::Timestamp,
    },
    runbook::{Mode, bind},
};

use super::{
    event::{Moment, StartOrder},
    gesture::{Button, Field, Guard},
    holders::{Fate, Holders, unaccounted_on_both},
    mode::RunbookEntry,
};

/// Everything that is asked before a run is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct StartDialog {
    /// Runbook's id.
    pub runbook: String,
    /// Services it fits, by their places in the estate file.
    pub services: Vec<usize>,
    /// Which of them.
    pub chosen: usize,
    /// Mode.
    pub mode: Mode,
    /// Who set it.
    pub mode_by: ModeBy,
    /// Why.
    pub reason: Field,
    /// T0 as `HH:MM`, UTC; empty: not stated.
    pub impact: Field,
    /// Holders outside the plan.
    pub holders: Holders,
    /// Focus.
    pub focus: StartFocus,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought.
    pub remark: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// Whether a run could have been started when the mode was set last.
    fit: bool,
}

/// Who set the mode. What a person chose never changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeBy {
    /// The dialog: the one that fits the service, for the reason which stands beside it.
    Signs,
    /// A person.
    Person,
}

/// How far the dialog has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A person chooses.
    Asking,
    /// The run is being opened, by the order with this mark: a second one would only find the estate
    /// locked by the first.
    Opening(u64),
}

/// What of the dialog has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFocus {
    /// Service.
    Service,
    /// Mode.
    Mode,
    /// Reason.
    Reason,
    /// T0.
    Impact,
    /// What becomes of a holder.
    Holder(usize),
    /// Why that holder stays.
    HolderReason(usize),
    /// A button.
    Button(Button),
}

impl StartFocus {
    /// The button that has the focus.
    pub fn button(self) -> Option<Button> {
        match self {
            Self::Button(button) => Some(button),
            _ => None,
        }
    }
}

impl StartDialog {
    /// Opens it for a runbook at `moment`; `preferred` is the service in scope.
    pub fn new(
        entry: &RunbookEntry,
        estate: &Estate,
        picture: &Picture,
        preferred: Option<usize>,
        moment: Moment,
    ) -> Self {
        let services: Vec<usize> = entry.services.iter().filter_map(|name| estate.service(name)).collect();
        let chosen = services.iter().position(|index| Some(*index) == preferred).unwrap_or_default();
        let mut dialog = Self {
            runbook: entry.id.clone(),
            services,
            chosen,
            mode: Mode::Graceful,
            mode_by: ModeBy::Signs,
            reason: Field::default(),
            impact: Field::default(),
            holders: Holders::Known(Vec::new()),
            focus: StartFocus::Button(Button::Cancel),
            guard: Guard::new(moment.terminal),
            remark: None,
            progress: Progress::Asking,
            fit: false,
        };
        dialog.fit_mode(estate, picture, moment.now);
        dialog.look_for_holders(estate, picture);
        dialog
    }

    /// The chosen service's place in the estate file.
    pub fn service(&self) -> Option<usize> {
        self.services.get(self.chosen).copied()
    }

    /// The side that would be left and the signs of its death, be they as last seen, where one side is the
    /// active one.
    pub fn departing(&self, estate: &Estate, picture: &Picture, now: Timestamp) -> Option<(Side, Vec<Sign>)> {
        let service = self.service()?;
        // As a run would go: a closed or a split service is left like any other.
        let (side, _) = bind::direction(estate, picture, service, Mode::Ungraceful).ok()?;
        Some((side, death::last_seen(estate, picture, service, side, picture.own_since(), now, None)))
    }

    /// Whether that side looks dead, or did when it was seen last: then nothing is preset as if it were well.
    fn leaves_dead(&self, estate: &Estate, picture: &Picture, now: Timestamp) -> bool {
        self.departing(estate, picture, now).is_some_and(|(_, signs)| death::rule(&signs))
    }

    /// Whether it looks dead by signs of now alone.
    fn is_dead_now(&self, estate: &Estate, picture: &Picture, now: Timestamp) -> bool {
        self.departing(estate, picture, now).is_some_and(|(_, mut signs)| {
            signs.retain(|sign| !sign.is_old(now));
            death::rule(&signs)
        })
    }

    /// Why no run of the chosen service can be started as things stand, whatever else is filled in;
    /// `None`: it can. Opening would say the same, once it has looked itself.
    pub fn unfit(&self, estate: &Estate, picture: &Picture, now: Timestamp) -> Option<String> {
        let Some(service) = self.service() else { return Some(NO_SERVICE.to_owned()) };
        let direction = || bind::direction(estate, picture, service, self.mode);
        self.unseen(estate, picture, now).or_else(|| direction().err().map(|why| why.to_string()))
    }

    /// Why nothing can be said yet, or no longer, of where a run would go and how.
    fn unseen(&self, estate: &Estate, picture: &Picture, now: Timestamp) -> Option<String> {
        let service = self.service()?;
        let name = &estate.services[service].name;
        let held = Side::BOTH.map(|side| Source::Assignments(service, side));
        let silences = held.iter().filter_map(|source| picture.reading(source)?.silence.as_ref());
        if let Some((_, silence)) = silences.into_iter().find(|(_, one)| one.kind == SilenceKind::NoToken) {
            let why = &silence.why;
            let next = advice::about(why.as_str()).map(|next| format!("; {next}")).unwrap_or_default();
            return Some(format!("not signed in, so nothing is known of {name} now: {why}{next}"));
        }
        // What the direction and the mode rest on. A silence is an answer of its own, and a picture that
        // was kept from an earlier start is none. Two signs are enough: then nobody waits for more.
        for source in held.iter().filter(|source| picture.own(source).is_none()) {
            if let Some((_, silence)) = picture.reading(source).and_then(|reading| reading.silence.as_ref()) {
                let code = source.side().map_or("", |side| estate.regions[side].code.as_str());
                return Some(format!("cannot tell which side of {name} is active ({code}: {})", silence.why));
            }
        }
        let unlooked = |source: &Source| !picture.is_looked_at(source);
        let more = || death::sources(estate, service).into_iter().find(unlooked);
        let wanted = || if self.is_dead_now(estate, picture, now) { None } else { more() };
        let first = held.iter().find(|source| unlooked(source)).cloned().or_else(wanted)?;
        let code = first.side().map(|side| format!(" in {}", estate.regions[side].code)).unwrap_or_default();
        Some(format!("{name} has not been looked at yet ({}{code}): wait for the answer", first.word()))
    }

    /// Something was seen since: the holders are listed again. A dialog that was open before there was
    /// anything to fit the mode to fits it once there is: by then nobody could have started anything.
    pub fn seen(&mut self, estate: &Estate, picture: &Picture, moment: Moment) {
        self.look_for_holders(estate, picture);
        if !self.fit && self.unfit(estate, picture, moment.now).is_none() {
            self.fit_mode(estate, picture, moment.now);
            self.fit = true;
            self.guard.reveal(moment.terminal);
        }
    }

    /// Sets the mode that fits the chosen service, unless a person has set one. It is done when the
    /// dialog opens and when the service changes, never under the eyes of whoever reads it: a mode
    /// that ceases to fit is said to.
    fn fit_mode(&mut self, estate: &Estate, picture: &Picture, now: Timestamp) {
        if self.mode_by == ModeBy::Person {
            return;
        }
        self.fit = self.unfit(estate, picture, now).is_none();
        self.mode = if self.leaves_dead(estate, picture, now) { Mode::Ungraceful } else { Mode::Graceful };
    }

    /// Whether letters are text where the focus is.
    pub fn takes_text(&self) -> bool {
        matches!(self.focus, StartFocus::Reason | StartFocus::Impact | StartFocus::HolderReason(_))
    }

    /// Everything the focus can be on, in order.
    fn order(&self) -> Vec<StartFocus> {
        let way_out = StartFocus::Button(Button::Cancel);
        let mut order =
            vec![way_out, StartFocus::Service, StartFocus::Mode, StartFocus::Reason, StartFocus::Impact];
        if let Holders::Known(holders) = &self.holders {
            for (index, holder) in holders.iter().enumerate() {
                order.push(StartFocus::Holder(index));
                if holder.fate == Fate::Leave {
                    order.push(StartFocus::HolderReason(index));
                }
            }
        }
        order.push(StartFocus::Button(Button::Act));
        order
    }

    /// Moves the focus on, or back.
    pub fn step_focus(&mut self, back: bool) {
        let order = self.order();
        let at = order.iter().position(|focus| *focus == self.focus).unwrap_or_default();
        let step = if back { order.len() - 1 } else { 1 };
        self.focus = order[(at + step) % order.len()];
        self.remark = None;
    }

    /// Changes the choice under the focus.
    pub fn choose(&mut self, back: bool, estate: &Estate, picture: &Picture, now: Timestamp) {
        match self.focus {
            StartFocus::Service if !self.services.is_empty() => {
                let count = self.services.len();
                self.chosen = (self.chosen + if back { count - 1 } else { 1 }) % count;
                self.fit_mode(estate, picture, now);
                self.look_for_holders(estate, picture);
            }
            StartFocus::Mode => {
                self.mode_by = ModeBy::Person;
                self.mode = match self.mode {
                    Mode::Graceful => Mode::Ungraceful,
                    Mode::Ungraceful => Mode::Graceful,
                };
            }
            StartFocus::Holder(index) => {
                if let Holders::Known(holders) = &mut self.holders
                    && let Some(holder) = holders.get_mut(index)
                {
                    holder.fate = holder.next_fate();
                }
            }
            StartFocus::Button(button) => self.focus = StartFocus::Button(button.other()),
            _ => {}
        }
    }

    /// The text under the focus.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.focus {
            StartFocus::Reason => Some(&mut self.reason),
            StartFocus::Impact => Some(&mut self.impact),
            StartFocus::HolderReason(index) => match &mut self.holders {
                Holders::Known(holders) => holders.get_mut(index).map(|holder| &mut holder.reason),
                Holders::Unknown(_) => None,
            },
            _ => None,
        }
    }

    /// Lists the holders of the chosen service again; what was decided of one stays.
    pub fn look_for_holders(&mut self, estate: &Estate, picture: &Picture) {
        let Some(service) = self.service() else { return };
        let found = match standing::active_side(estate, picture, service).side() {
            Some(side) => unaccounted_on_both(estate, picture, service, side),
            None => Holders::Unknown(Safe::new("no single active side")),
        };
        let before = std::mem::replace(&mut self.holders, found);
        if let (Holders::Known(now), Holders::Known(before)) = (&mut self.holders, before) {
            for holder in now {
                if let Some(known) = before
                    .iter()
                    .find(|known| known.group == holder.group && known.principal == holder.principal)
                {
                    holder.fate = known.fate;
                    holder.reason = known.reason.clone();
                }
            }
        }
        if !self.order().contains(&self.focus) {
            self.focus = StartFocus::Button(Button::Cancel);
        }
    }

    /// The mode, where a person set it or the signs of death did. A graceful run that nobody chose is
    /// begun only if the looks of its opening find no such sign: those here may be older.
    fn said_mode(&self) -> Option<Mode> {
        (self.mode_by == ModeBy::Person || self.mode == Mode::Ungraceful).then_some(self.mode)
    }

    /// The order, or what is missing.
    pub fn order_run(
        &self,
        estate: &Estate,
        picture: &Picture,
        moment: Moment,
    ) -> Result<StartOrder, String> {
        let service = self.service().ok_or(NO_SERVICE)?;
        if let Some(why) = self.unfit(estate, picture, moment.now) {
            return Err(why);
        }
        if self.reason.trimmed().is_empty() {
            return Err("a reason is needed: it stands first in the report".to_owned());
        }
        let mut moved_too = Vec::new();
        let mut left_holders: Vec<(PrincipalId, Safe)> = Vec::new();
        if let Holders::Known(holders) = &self.holders {
            for holder in holders {
                match holder.fate {
                    Fate::Stop => return Err(format!("say what becomes of {}", holder.whole_name())),
                    Fate::Leave if holder.reason.trimmed().is_empty() => {
                        return Err(format!("say why {} stays", holder.whole_name()));
                    }
                    Fate::Leave => {
                        left_holders.push((holder.principal.clone(), Safe::new(holder.reason.trimmed())));
                    }
                    Fate::Move => moved_too.push(holder.moved()),
                }
            }
        }
        Ok(StartOrder {
            runbook: self.runbook.clone(),
            service: estate.services[service].name.clone(),
            mark: moment.terminal,
            mode: self.said_mode(),
            reason: Safe::new(self.reason.trimmed()),
            impact: impact(self.impact.trimmed(), moment.now)?,
            moved_too,
            left_holders,
        })
    }
}

/// Nothing to start.
const NO_SERVICE: &str = "no service fits this runbook";

/// Reads T0 as `HH:MM` of the last 24 hours, UTC; empty: not stated.
fn impact(text: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("`{text}` is no time: write HH:MM in UTC, or leave it empty");
    let (hour, minute) = text.trim_end_matches(['Z', 'z']).split_once(':').ok_or_else(wrong)?;
    let (Ok(hour), Ok(minute)) = (hour.parse::<i64>(), minute.parse::<i64>()) else { return Err(wrong()) };
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) {
        return Err(wrong());
    }
    let day = 86_400;
    let midnight = now.as_second().div_euclid(day) * day;
    let stated = midnight + hour * 3_600 + minute * 60;
    let stated = if stated > now.as_second() { stated - day } else { stated };
    Timestamp::from_second(stated).map(Some).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_impact_is_a_time_of_the_last_day() {
        let now: Timestamp = "2026-11-20T10:03:07Z".parse().unwrap();
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(impact(text, now).ok().flatten(), expected.map(|at| at.parse().unwrap()), "{text}");
        };
        check("", None);
        check("09:51", Some("2026-11-20T09:51:00Z"));
        check("9:51Z", Some("2026-11-20T09:51:00Z"));
        check("23:10", Some("2026-11-19T23:10:00Z"));
        for text in ["now", "24:00", "12:60", "-1:00", "12"] {
            assert!(impact(text, now).is_err(), "{text}");
        }
    }
}

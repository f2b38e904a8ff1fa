//! The start dialog.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use crate::{
    app::{
        App,
        gesture::Button,
        holders::{Fate, Holder, Holders, Origin},
        plight,
        start::{StartDialog, StartFocus},
    },
    domain::{
        Side, Source, death, standing,
        time::{age_text, span_text},
    },
    runbook::Mode,
};

use super::{
    pen::{Pen, wrap},
    theme::Role,
};

/// One line of the dialog and the focus it stands for.
struct Row {
    focus: Option<StartFocus>,
    name: String,
    text: String,
    role: Role,
}

impl Row {
    /// In lines of `room` columns; what is typed stays on one.
    fn broken(self, room: u16) -> Vec<Self> {
        if self.focus.is_some() {
            return vec![self];
        }
        let mut name = Some(self.name);
        let lines = wrap(&self.text, usize::from(room)).into_iter();
        let role = self.role;
        lines.map(|text| Self { focus: None, name: name.take().unwrap_or_default(), text, role }).collect()
    }
}

pub(super) fn draw(app: &App, dialog: &StartDialog, pen: &mut Pen<'_>) {
    let width = pen.width().saturating_sub(2).min(74);
    let rows: Vec<Row> = rows(app, dialog).into_iter().flat_map(|row| row.broken(width - 17)).collect();
    let unfit = dialog.unfit(&app.estate, &app.picture, app.shown_at());
    let said = dialog.remark.as_ref().or(unfit.as_ref());
    let remark = said.map_or("tab next   left right choose   enter on Start begins", String::as_str);
    let remark = wrap(remark, usize::from(width - 5));
    let under = remark.len() as u16 + 5;
    let height = (rows.len() as u16 + under).min(pen.height().saturating_sub(2));
    let x = (pen.width() - width) / 2;
    let y = 1 + pen.height().saturating_sub(2 + height) / 2;
    let title = format!("{}   start {}", app.badge(), dialog.runbook);
    pen.frame(Rect::new(x, y, width, height), &title, Role::Title);
    let room = usize::from((height + 1).saturating_sub(under).max(1));
    let at = rows.iter().position(|row| row.focus == Some(dialog.focus)).unwrap_or_default();
    let first = at.saturating_sub(room.saturating_sub(1));
    for (line, row) in rows.iter().skip(first).take(room).enumerate() {
        let y = y + 1 + line as u16;
        let focused = row.focus.is_some() && row.focus == Some(dialog.focus);
        pen.text(x + 1, y, 1, if focused { ">" } else { " " }, Role::Running);
        pen.text(x + 3, y, 11, &row.name, Role::Dim);
        let role = match (focused, dialog.takes_text()) {
            (true, true) => Role::Input,
            (true, false) => Role::Selected,
            _ => row.role,
        };
        let end = pen.text(x + 15, y, width - 17, &row.text, role);
        if focused && dialog.takes_text() {
            pen.point(end, y);
        }
    }
    let bottom = y + height - 2;
    let role = if said.is_some() { Role::Warn } else { Role::Dim };
    for (y, line) in ((bottom - 1).saturating_sub(remark.len() as u16)..bottom - 1).zip(&remark) {
        pen.text(x + 3, y, width - 5, line, role);
    }
    buttons(dialog, unfit.is_some(), pen, x + width, bottom);
}

fn buttons(dialog: &StartDialog, off: bool, pen: &mut Pen<'_>, right: u16, y: u16) {
    let start = if off { "Start: off" } else { "Start" };
    for (at, text, button) in [(right - 30, "Cancel", Button::Cancel), (right - 14, start, Button::Act)] {
        let focused = dialog.focus == StartFocus::Button(button);
        pen.text(at, y, 1, if focused { ">" } else { " " }, Role::Running);
        let role = match button {
            Button::Act if off => Role::Dim,
            _ if focused => Role::ButtonFocused,
            _ => Role::Button,
        };
        pen.text(at + 2, y, 10, text, role);
    }
}

fn rows(app: &App, dialog: &StartDialog) -> Vec<Row> {
    let row = |focus, name: &str, text: String, role| Row { focus, name: name.to_owned(), text, role };
    let estate = &app.estate;
    let service = dialog.service().map_or_else(
        || "none fits".to_owned(),
        |index| {
            let name = &estate.services[index].name;
            match standing::active_side(estate, &app.picture, index).side() {
                Some(from) => {
                    let (from, to) = (&estate.regions[from].code, &estate.regions[from.other()].code);
                    let line = app.summary.services.iter().find(|line| line.index == index && line.stale);
                    match line.and_then(|line| line.at) {
                        None => format!("{name}   {from} > {to}"),
                        Some(at) => {
                            let age = age_text(app.now().duration_since(at));
                            format!("{name}   last {from} > {to}, {age} old")
                        }
                    }
                }
                None => format!("{name}   direction not known"),
            }
        },
    );
    let usual = app
        .runbooks
        .iter()
        .find(|entry| entry.id == dialog.runbook)
        .map(|entry| span_text(entry.usual(dialog.mode)));
    let mut rows = vec![
        row(Some(StartFocus::Service), "service", service, Role::Text),
        row(Some(StartFocus::Mode), "mode", mode(app, dialog).0, mode(app, dialog).1),
        row(Some(StartFocus::Reason), "reason", dialog.reason.text().to_owned(), Role::Text),
        row(Some(StartFocus::Impact), "impact at", impact(dialog), Role::Text),
        row(None, "usual", usual.unwrap_or_default(), Role::Dim),
    ];
    if let Some((text, role)) = death_of(app, dialog) {
        rows.insert(2, row(None, "", text, role));
    }
    match &dialog.holders {
        Holders::Unknown(why) => {
            rows.push(row(None, "holders", format!("not known ({why}); gate 1 asks again"), Role::Warn));
        }
        Holders::Known(holders) if holders.is_empty() => {
            let seen = holders_seen(app, dialog);
            let role = if seen.is_empty() { Role::Text } else { Role::Warn };
            rows.push(row(None, "holders", format!("all are planned or excepted{seen}"), role));
        }
        Holders::Known(holders) => {
            let count = holders.len();
            let seen = holders_seen(app, dialog);
            let text = format!("{count} outside the plan{seen}: move, leave or stop");
            rows.push(row(None, "holders", text, Role::Warn));
            for (index, holder) in holders.iter().enumerate() {
                rows.push(row(Some(StartFocus::Holder(index)), "", holder_text(holder), Role::Text));
                if holder.fate == Fate::Leave {
                    let text = holder.reason.text().to_owned();
                    rows.push(row(Some(StartFocus::HolderReason(index)), "  because", text, Role::Text));
                }
            }
        }
    }
    rows
}

/// When who holds anything was seen, where that is not of now.
fn holders_seen(app: &App, dialog: &StartDialog) -> String {
    let now = app.moment.now;
    let lists = dialog.service().map(|index| Side::BOTH.map(|side| Source::Assignments(index, side)));
    let lists = lists.iter().flatten();
    let old = lists.clone().any(|list| !plight::holds(&app.picture, list, now));
    let at = lists.filter_map(|list| app.picture.last(list)).map(|look| look.at).min();
    at.filter(|_| old).map_or(String::new(), |at| {
        let ago = age_text(now.duration_since(at));
        format!(", last seen {ago} ago")
    })
}

/// The mode, and whether it fits what can be seen of the side that would be left.
fn mode(app: &App, dialog: &StartDialog) -> (String, Role) {
    let word = dialog.mode.word();
    let Some((side, signs)) = dialog.departing(&app.estate, &app.picture, app.moment.now) else {
        return (word.to_owned(), Role::Text);
    };
    let code = &app.estate.regions[side].code;
    let old = signs.iter().any(|sign| sign.is_old(app.moment.now));
    let unheard = app.picture.mute(side).is_some();
    match (dialog.mode, death::rule(&signs)) {
        (Mode::Ungraceful, true) if old => (format!("{word}   a0 will not pass now"), Role::Warn),
        (Mode::Graceful, true) if old => (format!("{word}   {code} last seen dead: look again"), Role::Warn),
        (Mode::Graceful, true) => (format!("{word}   {code} looks dead: ungraceful fits"), Role::Warn),
        (Mode::Ungraceful, false) if unheard => {
            (format!("{word}   {code} does not answer: a0 will not pass now"), Role::Warn)
        }
        (Mode::Graceful, false) if unheard => (format!("{word}   {code} does not answer"), Role::Warn),
        (Mode::Ungraceful, false) => {
            (format!("{word}   {code} does not look dead: a0 will not pass"), Role::Warn)
        }
        // It fits; what a death rests on has a line of its own.
        (Mode::Ungraceful, true) | (Mode::Graceful, false) => (word.to_owned(), Role::Text),
    }
}

/// The signs by which the side that would be left is dead, and how long ago they were seen.
fn death_of(app: &App, dialog: &StartDialog) -> Option<(String, Role)> {
    let now = app.moment.now;
    let (side, signs) = dialog.departing(&app.estate, &app.picture, now)?;
    let old = signs.iter().any(|sign| sign.is_old(now));
    if !death::rule(&signs) || dialog.mode != Mode::Ungraceful && !old {
        return None;
    }
    let classes: BTreeSet<u8> = signs.iter().map(|sign| sign.class).collect();
    let classes: Vec<String> = classes.iter().map(u8::to_string).collect();
    let (code, service) = (&app.estate.regions[side].code, &app.estate.services[dialog.service()?].name);
    let silent = death::silent_since(&app.picture, dialog.service()?, side, &signs, now);
    let (last, role) = if old { ("last seen ", Role::Warn) } else { ("", Role::Text) };
    let silent = if silent { ", now silent" } else { "" };
    let at = death::oldest(signs.iter().flat_map(|sign| &sign.footings));
    let ago = at.map_or_else(String::new, |at| format!(", {} ago", age_text(now.duration_since(at))));
    // Signs are counted service by service.
    Some((format!("{code} {last}dead for {service} by signs {}{ago}{silent}", classes.join(", ")), role))
}

fn impact(dialog: &StartDialog) -> String {
    match dialog.impact.text() {
        "" => "not stated (HH:MM, UTC)".to_owned(),
        text => text.to_owned(),
    }
}

fn holder_text(holder: &Holder) -> String {
    let origin = match holder.origin {
        Origin::Direct | Origin::Standby => "",
        Origin::Inherited => ", inherited",
    };
    format!("{}{origin}: {}", holder.name(), holder.fate.word())
}

//! Whether people, addresses and ids are masked, for screens that are shared.

use std::sync::Arc;

use crate::domain::{Answer, mask::Masks};

use super::state::App;

/// The masks, and whether they are worn. They stay when they are put off, so that a person keeps their
/// mask.
#[derive(Debug, Default)]
pub(super) struct Redaction {
    masks: Arc<Masks>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    On,
}

impl Redaction {
    /// A text as it may leave.
    pub(super) fn said(&self, text: String) -> String {
        match self.state {
            State::Off => text,
            State::On => self.masks.mask(&text).into_owned(),
        }
    }

    /// What a person means who types what they read.
    pub(super) fn meant(&self, text: &str) -> String {
        match self.state {
            State::Off => text.to_owned(),
            State::On => self.masks.real(text),
        }
    }
}

impl App {
    /// Masks people, addresses and ids from now on, with the masks that the rest of the process uses.
    pub fn redact(&mut self, masks: Arc<Masks>) {
        self.redaction = Redaction { masks, state: State::On };
        self.know_people();
    }

    /// The masks, where they are worn.
    pub fn masks(&self) -> Option<Arc<Masks>> {
        (self.redaction.state == State::On).then(|| self.redaction.masks.clone())
    }

    /// Puts the masks on or off.
    pub(super) fn set_redaction(&mut self, on: bool) {
        self.redaction.state = if on { State::On } else { State::Off };
        self.know_people();
        self.say(if on {
            "REDACTED: people, addresses and ids are masked, here and in what is copied"
        } else {
            "names, addresses and ids are shown again; :redact masks them"
        });
    }

    /// Names that look like any word: whom the token names, and the people of the estate file.
    pub(super) fn know_people(&self) {
        if self.redaction.state == State::Off {
            return;
        }
        let masks = &self.redaction.masks;
        if let Some((local, _)) = self.identity.name.as_str().split_once('@') {
            masks.know_as(local, self.identity.name.as_str());
        }
        let seen = self.live_picture().iter().filter_map(|(_, reading)| reading.last.as_ref());
        seen.for_each(|look| self.know_seen(&look.answer));
        let principals = self.estate.services.iter().flat_map(|service| &service.groups);
        let people = principals.flat_map(|group| &group.principals);
        let people = people.filter(|one| one.principal_type.eq_ignore_ascii_case("user"));
        masks.know_people(people.map(|one| one.name.as_str()));
    }

    /// Whoever has a session is a person, whatever their name looks like.
    pub(super) fn know_seen(&self, answer: &Answer) {
        if self.redaction.state == State::Off {
            return;
        }
        if let Answer::Sessions(all) = answer {
            self.redaction.masks.know_people(all.seen().iter().map(|session| session.user.as_str()));
        }
    }
}

//! Holders that the estate file does not know, each waiting for a word on what becomes of it.

use crate::{
    domain::{
        Safe, Side, Source,
        access::PrincipalId,
        estate::{Estate, Principal},
        mask,
        picture::Picture,
        standing::{self, HolderKind},
    },
    runbook::plan::MovedToo,
};

use super::gesture::Field;

/// Holders of either side that the estate file does not know.
#[derive(Debug, Clone, PartialEq)]
pub enum Holders {
    /// Known whole; each with what becomes of it.
    Known(Vec<Holder>),
    /// Cannot be listed now; gate 1 asks again.
    Unknown(Safe),
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// Code of the application group.
    pub group: String,
    /// Code of the region, where it is the standby.
    pub region: Option<String>,
    /// Who.
    pub principal: PrincipalId,
    /// `Group` or `User`.
    pub principal_type: Safe,
    /// Where the role was given, which decides whether such a holder can be moved.
    pub origin: Origin,
    /// What becomes of it.
    pub fate: Fate,
    /// Why it stays.
    pub reason: Field,
}

/// Where a role assignment was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// On the application group.
    Direct,
    /// Above it.
    Inherited,
    /// On the standby only: there is nothing to move.
    Standby,
}

/// What becomes of a holder outside the plan (design §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nobody has said: the run does not start.
    Stop,
    /// It moves too.
    Move,
    /// It stays, with the reason.
    Leave,
}

impl Fate {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop here",
            Self::Move => "move too",
            Self::Leave => "leave",
        }
    }
}

impl Holder {
    /// Group and the beginning of the id: what a line has room for.
    pub fn name(&self) -> String {
        self.named(&mask::head(self.principal.as_str()))
    }

    /// The same for a sentence, with the whole id.
    pub(super) fn whole_name(&self) -> String {
        self.named(self.principal.as_str())
    }

    fn named(&self, principal: &str) -> String {
        let region = self.region.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{} {principal} @ {}{region}", self.principal_type, self.group)
    }

    pub(super) fn next_fate(&self) -> Fate {
        match (self.fate, self.origin) {
            (Fate::Stop, Origin::Direct) => Fate::Move,
            (Fate::Stop, Origin::Inherited | Origin::Standby) | (Fate::Move, _) => Fate::Leave,
            (Fate::Leave, _) => Fate::Stop,
        }
    }

    pub(super) fn moved(&self) -> MovedToo {
        MovedToo {
            group: self.group.clone(),
            principal: Principal {
                // Whole: where people and ids are masked the beginning would have a mask of its own.
                name: self.principal.as_str().to_owned(),
                id: self.principal.clone(),
                principal_type: self.principal_type.to_string(),
            },
        }
    }
}

/// Holders of both sides that are neither planned nor excepted, those of the `active` one first.
/// Whoever holds a group on both is told once.
pub(super) fn unaccounted_on_both(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    active: Side,
) -> Holders {
    let mut all = match unaccounted(estate, picture, service, active) {
        Holders::Known(holders) => holders,
        unknown @ Holders::Unknown(_) => return unknown,
    };
    let there = match unaccounted(estate, picture, service, active.other()) {
        Holders::Known(holders) => holders,
        unknown @ Holders::Unknown(_) => return unknown,
    };
    for holder in there {
        let told = |known: &Holder| known.group == holder.group && known.principal == holder.principal;
        if !all.iter().any(told) {
            let region = Some(estate.regions[active.other()].code.clone());
            all.push(Holder { region, origin: Origin::Standby, ..holder });
        }
    }
    Holders::Known(all)
}

/// Holders of one side that are neither planned nor excepted.
fn unaccounted(estate: &Estate, picture: &Picture, service: usize, side: Side) -> Holders {
    let Some(listing) = standing::assignments(picture, &Source::Assignments(service, side)) else {
        return Holders::Unknown(Safe::new("assignments have not been read"));
    };
    let Some(all) = listing.complete() else {
        return Holders::Unknown(Safe::new("the list of assignments is not whole"));
    };
    let known = &estate.services[service];
    let holders =
        all.iter().filter(|held| standing::holder_kind(known, held, &[]) == Some(HolderKind::Unaccounted));
    Holders::Known(
        holders
            .map(|held| Holder {
                group: known
                    .groups
                    .iter()
                    .find(|group| group.ids[side] == held.group)
                    .map_or_else(|| held.group.name().to_owned(), |group| group.code.clone()),
                region: None,
                principal: held.assignment.principal.clone(),
                principal_type: held.assignment.principal_type.clone(),
                origin: if held.inherited() { Origin::Inherited } else { Origin::Direct },
                fate: Fate::Stop,
                reason: Field::default(),
            })
            .collect(),
    )
}

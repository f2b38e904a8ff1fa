//! The signs of a region's death over several services, and which of them carry the verdict.
//!
//! The death rule holds for one service at a time: signs of one service say nothing of another's.
//! An old sign beside fresh ones that suffice makes nothing old.

use std::collections::BTreeSet;

use super::{
    Safe, Side,
    death::{self, Sign},
    estate::Estate,
    picture::Picture,
    reading::Footing,
    standing::{self, ActiveSide},
    time::Timestamp,
};

/// What a person has stated in a run, in words: that a region is dead. It goes for the side that the run leaves and
/// for its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The service's place in the estate file.
    pub service: usize,
    /// The side.
    pub side: Side,
    /// In words.
    pub what: Safe,
    /// When.
    pub at: Timestamp,
}

/// The class of a statement.
const STATED: u8 = 5;

/// What the signs say of one region.
#[expect(clippy::struct_excessive_bools, reason = "facts that hold beside each other")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionSigns {
    /// How they suffice.
    pub grade: Grade,
    /// The services that carry this grade, by name, each with its signs.
    of: Vec<(String, Vec<Sign>)>,
    /// Whether there are services beside these in scope.
    partial: bool,
    /// Whether one of those services is active there, or may be: nobody knows where.
    pub serves: bool,
    /// When the oldest answer, failure or statement under them was in.
    pub at: Option<Timestamp>,
    /// Whether one of those is older than it is trusted.
    pub stale: bool,
    /// Whether what told of an old one does not answer any more.
    pub silent: bool,
}

/// How far the signs of a region suffice. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// There are none.
    None,
    /// They do not satisfy the death rule for any service.
    Alone,
    /// They do for one service at least, only with one that tells of what was.
    WasDead,
    /// They do for one service at least, each of them of now.
    Dead,
}

impl RegionSigns {
    /// What is seen of `side` at `now` for these services, places in the estate file, and what is `stated` of it.
    pub fn seen(
        estate: &Estate,
        picture: &Picture,
        services: &[usize],
        side: Side,
        stated: &[Stated],
        now: Timestamp,
    ) -> Self {
        let said = |service| {
            let own = stated.iter().find(|one| (one.service, one.side) == (service, side));
            own.map(|one| &one.what)
        };
        let graded: Vec<(Grade, usize, Vec<Sign>)> = services
            .iter()
            .map(|&at| {
                let signs = death::last_seen(estate, picture, at, side, Timestamp::MIN, now, said(at));
                (Grade::of(&signs, now), at, signs)
            })
            .collect();
        let grade = graded.iter().map(|(grade, ..)| *grade).max().unwrap_or(Grade::None);
        let carry = |(own, ..): &(Grade, usize, Vec<Sign>)| *own == grade && grade != Grade::None;
        let may_serve = |at: usize| match standing::active_side(estate, picture, at) {
            ActiveSide::One(active) => active == side,
            ActiveSide::Closed => false,
            ActiveSide::Split | ActiveSide::BothByDesign | ActiveSide::Unknown(_) => true,
        };
        let silent = graded
            .iter()
            .filter(|one| carry(one))
            .any(|(_, at, signs)| death::silent_since(picture, *at, side, signs, now));
        let serves = graded.iter().filter(|one| carry(one)).any(|(_, at, _)| may_serve(*at));
        let of: Vec<(String, Vec<Sign>)> = graded
            .into_iter()
            .filter(carry)
            .map(|(_, at, signs)| (estate.services[at].name.clone(), signs))
            .collect();
        let footings = || of.iter().flat_map(|(_, signs)| signs).flat_map(|sign| &sign.footings);
        let said = of.iter().any(|(_, signs)| signs.iter().any(|sign| sign.class == STATED));
        let told = stated.iter().filter(|one| said && one.side == side && services.contains(&one.service));
        let at = death::oldest(footings()).into_iter().chain(told.map(|one| one.at)).min();
        let stale = footings().any(|footing: &Footing| footing.is_old(now));
        let partial = of.len() < services.len();
        Self { grade, of, partial, serves, at, stale, silent }
    }

    /// Whether the region looks dead for a service at least, be it as last seen.
    pub fn dead(&self) -> bool {
        self.grade >= Grade::WasDead
    }

    /// What is said of a region behind its code, where it looks dead: that it does, or did when it was seen
    /// last; and that it answers no more.
    pub fn dead_words(&self) -> Option<[&'static str; 2]> {
        match (self.dead(), self.stale, self.silent) {
            (false, ..) => None,
            (true, false, _) => Some(["dead", ""]),
            (true, true, false) => Some(["last seen dead", ""]),
            (true, true, true) => Some(["last seen dead", ", now silent"]),
        }
    }

    /// Their numbers in the rule, each once.
    pub fn classes(&self) -> BTreeSet<u8> {
        self.of.iter().flat_map(|(_, signs)| signs).map(|sign| sign.class).collect()
    }

    /// Whether they tell of this service and of no other.
    pub fn are_of(&self, service: &str) -> bool {
        !self.of.is_empty() && self.of.iter().all(|(name, _)| name == service)
    }

    /// The services they tell of, if that is not all of them.
    pub fn only(&self) -> Option<String> {
        let names: Vec<&str> = self.of.iter().map(|(name, _)| name.as_str()).collect();
        (self.partial && !names.is_empty()).then(|| names.join(", "))
    }

    /// Their numbers in words, and of which services where they differ: `signs 1, 4; fin also 2`.
    pub fn numbers(&self) -> String {
        let sets: Vec<(&str, BTreeSet<u8>)> = self
            .of
            .iter()
            .map(|(name, signs)| (name.as_str(), signs.iter().map(|sign| sign.class).collect()))
            .collect();
        let all = self.classes();
        let word = if all.len() == 1 { "sign" } else { "signs" };
        let common: BTreeSet<u8> =
            all.into_iter().filter(|class| sets.iter().all(|(_, own)| own.contains(class))).collect();
        let whose = self.only().map(|names| format!("{names} ")).unwrap_or_default();
        let least = if self.dead() { death::CLASSES } else { 1 };
        if common.len() < least {
            let own: Vec<String> = sets.iter().map(|(name, own)| format!("{name} {}", listed(own))).collect();
            return format!("{word} {}", own.join("; "));
        }
        let more = sets.iter().filter_map(|(name, own)| {
            let more: BTreeSet<u8> = own.difference(&common).copied().collect();
            (!more.is_empty()).then(|| format!("; {name} also {}", listed(&more)))
        });
        format!("{whose}{word} {}{}", listed(&common), more.collect::<String>())
    }
}

impl Grade {
    fn of(signs: &[Sign], now: Timestamp) -> Self {
        match (death::rule(signs), signs.iter().any(|sign| sign.is_old(now))) {
            (true, false) => Self::Dead,
            (true, true) => Self::WasDead,
            (false, _) if signs.is_empty() => Self::None,
            (false, _) => Self::Alone,
        }
    }
}

fn listed(classes: &BTreeSet<u8>) -> String {
    classes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Source, time::seconds};

    /// What was seen of a sign: its class, and how many seconds ago.
    type Seen = (u8, i64);

    /// A service with the classes of its signs.
    type Service = (&'static str, &'static [u8]);

    fn noon() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    /// A sign of this class whose look was so many seconds ago.
    fn sign((class, ago): Seen) -> Sign {
        let footings = vec![Footing::of(&Source::Machines(Side::Primary), noon() - seconds(ago))];
        Sign { class, what: Safe::new("seen"), footings }
    }

    #[test]
    fn an_old_sign_beside_fresh_ones_that_suffice_makes_nothing_old() {
        // Trusted for 30 s.
        let cases: [(&[Seen], Grade, &[u8]); 7] = [
            (&[], Grade::None, &[]),
            (&[(1, 4)], Grade::Alone, &[1]),
            (&[(1, 40)], Grade::Alone, &[1]),
            (&[(1, 4), (4, 9)], Grade::Dead, &[1, 4]),
            (&[(1, 4), (2, 200), (4, 9)], Grade::Dead, &[1, 4]),
            (&[(1, 4), (2, 31)], Grade::WasDead, &[1, 2]),
            (&[(2, 4), (2, 9)], Grade::Alone, &[2, 2]),
        ];
        for (seen, grade, carried) in cases {
            let signs = death::carrying(seen.iter().copied().map(sign).collect(), noon());
            assert_eq!(Grade::of(&signs, noon()), grade, "{seen:?}");
            assert_eq!(signs.iter().map(|sign| sign.class).collect::<Vec<_>>(), carried, "{seen:?}");
        }
    }

    #[test]
    fn signs_are_counted_service_by_service() {
        use Grade::{Alone, Dead};
        let cases: [(Grade, &[Service], bool, &str); 8] = [
            (Dead, &[("hr", &[1, 4]), ("fin", &[1, 4])], false, "signs 1, 4"),
            (Dead, &[("hr", &[1, 4]), ("fin", &[1, 2, 4])], false, "signs 1, 4; fin also 2"),
            (Dead, &[("hr", &[1, 4]), ("fin", &[1, 2])], false, "signs hr 1, 4; fin 1, 2"),
            (Dead, &[("hr", &[1, 4])], true, "hr signs 1, 4"),
            (Dead, &[("hr", &[1, 4, 4])], false, "signs 1, 4"),
            (Alone, &[("hr", &[2])], false, "sign 2"),
            (Alone, &[("hr", &[2])], true, "hr sign 2"),
            (Alone, &[("hr", &[2]), ("fin", &[4])], false, "signs hr 2; fin 4"),
        ];
        for (grade, of, partial, said) in cases {
            let of = of.iter().map(|(name, classes)| {
                ((*name).to_owned(), classes.iter().map(|class| sign((*class, 4))).collect())
            });
            let (of, serves, at, stale, silent) = (of.collect(), true, None, false, false);
            let signs = RegionSigns { grade, of, partial, serves, at, stale, silent };
            assert_eq!(signs.numbers(), said);
        }
    }
}

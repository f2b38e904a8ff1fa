//! One object with everything that is known of it: every field with the call it came from and the
//! age of that look.

use crate::domain::{
    Answer, ArmId, Pair, Side, Source,
    compute::VirtualMachine,
    estate::{Estate, Service},
    machines::Standing,
    picture::Picture,
    pool::SessionHost,
    standing,
    time::Timestamp,
};
use crate::status::Drained;

use super::{
    doubt::Held,
    facets,
    lists::View,
    plight::{self, Plight},
    rows::service_of,
    table::Object,
};

/// What the detail view is about: a line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The line's objects.
    pub objects: Pair<Option<Object>>,
    /// What the line's rows were called.
    pub names: Pair<String>,
}

/// Everything known of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// Its parts, the object itself first.
    pub parts: Vec<Part>,
}

/// What one source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub title: String,
    /// The call that brought it.
    pub call: String,
    /// When the answer was in.
    pub at: Option<Timestamp>,
    /// Whether that is only what was last seen.
    pub stale: bool,
    /// What is amiss with the source, in words.
    pub trouble: Option<String>,
    /// The fields.
    pub facts: Vec<Fact>,
}

impl Part {
    /// Some of it rests on a further source: it is as old as the older of the two, and a source that never
    /// answered has no part in it.
    pub(super) fn rests_on(&mut self, desk: &Desk<'_>, source: &Source) {
        if let Some(look) = desk.picture.last(source) {
            self.at = self.at.map(|at| at.min(look.at));
            self.stale |= !desk.holds(source);
        }
    }

    /// Some of it was last heard then.
    pub(super) fn heard(&mut self, since: Option<Timestamp>) {
        if let Some(since) = since {
            self.at = self.at.map(|at| at.min(since));
            self.stale = true;
        }
    }
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub value: String,
}

impl Fact {
    /// A field.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into() }
    }
}

impl Detail {
    /// Every field with the place of its part, in the order of the screen.
    pub fn facts(&self) -> impl Iterator<Item = (usize, &Fact)> {
        self.parts
            .iter()
            .enumerate()
            .flat_map(|(place, part)| part.facts.iter().map(move |fact| (place, fact)))
    }
}

/// What parts are made from.
pub(super) struct Desk<'a> {
    pub(super) estate: &'a Estate,
    pub(super) picture: &'a Picture,
    pub(super) side: Side,
    pub(super) drained: Option<&'a Drained>,
    pub(super) now: Timestamp,
}

impl Desk<'_> {
    /// Whether the run in this window drained this host.
    pub(super) fn ours(&self, source: &Source, host: &SessionHost) -> bool {
        let own = self.drained.zip(service_of(source));
        own.is_some_and(|(own, service)| own.holds(service, self.side, host))
    }
}

/// Everything known of the subject's object on `side`, where it has one.
pub fn detail(view: &View<'_>, subject: &Subject, side: Side) -> Option<Detail> {
    let object = subject.objects[side].as_ref()?;
    let View { estate, picture, drained, now, .. } = *view;
    let desk = Desk { estate, picture, side, drained, now };
    let mut own = desk.part(&object.source);
    let found = picture.last(&object.source).and_then(|look| facets::find(&look.answer, &object.key));
    let Some(found) = found else {
        own.title.clone_from(&subject.names[side]);
        let gone = match own.at {
            Some(_) => "not in the last answer any more",
            None => "nothing has been read",
        };
        own.facts = vec![Fact::new("id", object.key.clone()), Fact::new("standing", gone)];
        return Some(Detail { parts: vec![own] });
    };
    let (title, facts) = facets::of(&desk, &object.source, found);
    (own.title, own.facts) = (title, facts);
    facets::age(&desk, &object.source, found, &mut own);
    let region = &estate.regions[side];
    own.facts
        .insert(0, Fact::new("region", format!("{} ({}), {}", region.display(), region.azure, region.code)));
    let mut parts = vec![own];
    parts.extend(facets::beside(&desk, &object.source, found));
    Some(Detail { parts })
}

impl<'a> Desk<'a> {
    /// The part of a source, without its fields.
    pub(super) fn part(&self, source: &Source) -> Part {
        Part {
            title: source.word().to_owned(),
            call: call(self.estate, source),
            at: self.picture.last(source).map(|look| look.at),
            stale: !self.holds(source),
            trouble: Plight::of(self.picture, source, self.now)
                .map(|plight| plight.words(source.word(), self.now)),
            facts: Vec::new(),
        }
    }

    /// Whether the last answer of a source still stands for what there is now.
    pub(super) fn holds(&self, source: &Source) -> bool {
        plight::holds(self.picture, source, self.now)
    }

    /// The last answer of a source.
    pub(super) fn answer(&self, source: &Source) -> Option<&'a Answer> {
        self.picture.last(source).map(|look| &look.answer)
    }

    /// What the machine behind a host does.
    pub(super) fn standing(&self, host: &SessionHost) -> Standing {
        Held::of_host(self.picture, self.side, host, self.now).standing(host, self.now)
    }

    /// The machine behind a host, where it was seen.
    pub(super) fn machine(&self, host: &SessionHost) -> Option<&'a VirtualMachine> {
        let all = standing::machines(self.picture, &Source::Machines(self.side))?;
        all.seen().iter().find(|machine| Some(&machine.id) == host.vm.as_ref())
    }

    /// The service of a source.
    pub(super) fn service(&self, source: &Source) -> Option<&'a Service> {
        self.estate.services.get(service_of(source)?)
    }
}

/// The call that asks for a source, as short as it can be told apart.
pub fn call(estate: &Estate, source: &Source) -> String {
    let pool = |index: &usize, side: &Side| {
        let name = estate.services.get(*index).map_or("?", |service| service.sides[*side].pool.name());
        format!("hostPools/{name}")
    };
    let at = |id: &ArmId, what: &str| format!("GET {}/{what}", id.name());
    match source {
        Source::Pool(index, side) => format!("GET {}", pool(index, side)),
        Source::Hosts(index, side) => format!("GET {}/sessionHosts", pool(index, side)),
        Source::Sessions(index, side) => format!("GET {}/userSessions", pool(index, side)),
        Source::Groups(..) => "GET applicationGroups, applications".to_owned(),
        Source::Assignments(..) => "GET roleAssignments at and above the group".to_owned(),
        Source::Assignment(id) => format!("GET roleAssignments/{}", id.name()),
        Source::Workspace(..) => "GET workspaces".to_owned(),
        Source::Plans(index, side) => format!("GET {}/scalingPlans", pool(index, side)),
        Source::Storage(..) => "GET storageAccounts".to_owned(),
        Source::Machines(side) => format!("GET virtualMachines, {}", estate.regions[*side].code),
        Source::Power(id) => at(id, "instanceView"),
        Source::Directory(side) => format!("GET virtualMachines of DCs, {}", estate.regions[*side].code),
        Source::Usages(side) => format!("GET usages, {}", estate.regions[*side].code),
        Source::Availability(side) => format!("GET availabilityStatuses, {}", estate.regions[*side].code),
        Source::Events => "GET ResourceHealth events".to_owned(),
        Source::Permissions(scope) => at(scope, "permissions"),
        Source::Locks(scope) => at(scope, "locks"),
        Source::GroupLocation(group) => format!("GET resourceGroups/{}", group.name()),
        Source::AccessChanges => "GET activity log".to_owned(),
        Source::Control(side) => format!("GET one small thing of {}", estate.regions[*side].code),
        Source::Inventory => "POST Resource Graph query".to_owned(),
    }
}

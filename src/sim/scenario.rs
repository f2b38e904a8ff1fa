//! A scenario: a world to begin with and a timeline of faults, built in or from a file.

use std::{fmt::Write as _, sync::Arc};

use super::{
    SimError,
    fault::nearest,
    moment::{Ms, spell},
    spec::{GroupSpec, Spec},
    topology::Topology,
};

/// Largest pool a scenario may ask for: Azure's limit of session hosts in a pool (azure-avd.md §8).
const MAX_HOSTS: u32 = 10_000;

/// The scenarios that come with the program.
const BUILTINS: [(&str, &str); 4] = [
    ("calm", include_str!("scenarios/calm.toml")),
    ("region-outage", include_str!("scenarios/region-outage.toml")),
    ("tiny", include_str!("scenarios/tiny.toml")),
    ("inherited-blocks", include_str!("scenarios/inherited-blocks.toml")),
];

/// A simulated world before it lives. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scenario {
    name: Arc<str>,
    source: Arc<str>,
    pub(super) spec: Arc<Spec>,
    pub(super) top: Arc<Topology>,
}

/// What `sim estate` writes into `[simulated]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulated {
    /// The instant the simulated clock started from.
    pub epoch: jiff::Timestamp,
    /// Estate seconds per real second.
    pub speed: f64,
    /// The real instant at which the simulated clock showed the epoch; without it a client's
    /// clock begins at the epoch whenever the client begins.
    pub anchor: Option<jiff::Timestamp>,
}

impl Scenario {
    /// A scenario that comes with the program, or `None` when the name is not known.
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, source) = BUILTINS.iter().find(|(known, _)| *known == name)?;
        Self::from_toml(source, name).ok()
    }

    /// Name and one line about each scenario that comes with the program.
    pub fn builtins() -> Vec<(String, String)> {
        BUILTINS
            .iter()
            .filter_map(|(name, _)| Some(((*name).to_owned(), Self::builtin(name)?.summary().to_owned())))
            .collect()
    }

    /// Reads a scenario. The error carries line, column and the nearest key that exists.
    pub fn from_toml(source: &str, name: &str) -> Result<Self, SimError> {
        let spec: Spec = toml::from_str(source).map_err(|e| unreadable(name, source, &e))?;
        check(&spec).map_err(|message| SimError::Scenario {
            name: name.to_owned(),
            line: 1,
            column: 1,
            message,
        })?;
        let top = Arc::new(Topology::build(&spec));
        Ok(Self { name: name.into(), source: source.into(), spec: Arc::new(spec), top })
    }

    /// The name it was loaded under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The TOML it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// One line about it.
    pub fn summary(&self) -> &str {
        &self.spec.summary
    }

    /// The instant its clock starts.
    pub fn epoch(&self) -> jiff::Timestamp {
        self.spec.epoch
    }

    /// The subscriptions of its estate.
    pub fn subscriptions(&self) -> Vec<String> {
        vec![self.spec.subscription.clone()]
    }

    /// The tenant of its estate.
    pub fn tenant(&self) -> &str {
        &self.spec.tenant
    }

    /// The estate file (design.md §5) that fits this world.
    pub fn estate_toml(&self, simulated: Option<Simulated>) -> String {
        super::estate::write(self, simulated)
    }

    /// What is in it, with every delay in force and every fault of its timeline.
    pub fn describe(&self) -> String {
        let mut text = format!("{}: {}\nepoch {}\n", self.name, self.spec.summary, self.spec.epoch);
        for service in &self.spec.service {
            let people: u64 = service.application_group.iter().map(|g| u64::from(g.people)).sum();
            let _ = writeln!(
                text,
                "service {}: {} hosts a side, {} of them run on the secondary, {} sessions a host, {people} people",
                service.name, service.hosts, service.standby_running, service.max_sessions
            );
        }
        text.push_str("delays\n");
        for (name, span) in self.spec.timing.rows().into_iter().chain(self.spec.people.rows()) {
            let _ = writeln!(text, "  {name:<18} {span}");
        }
        let _ = writeln!(text, "  {:<18} {} of 100", "leave_percent", self.spec.people.leave_percent);
        text.push_str(if self.spec.at.is_empty() { "faults none\n" } else { "faults\n" });
        for entry in &self.spec.at {
            let region = entry.fault.scope.region.map_or("", super::Region::word);
            let lasts = entry.fault.lasts_ms.map_or_else(String::new, |ms| format!(" for {}", spell(ms)));
            let _ = writeln!(text, "  t{:>5} {} {region}{lasts}", spell(entry.t), entry.fault.kind.word());
        }
        text
    }

    /// The instant the world is built at: before everything on the timeline.
    pub(super) fn begins(&self) -> Ms {
        let earliest = self.spec.at.iter().map(|entry| entry.t).min().unwrap_or(0).min(0);
        self.spec.epoch.as_millisecond() + earliest - super::moment::MINUTE
    }
}

fn check(spec: &Spec) -> Result<(), String> {
    if spec.format != 1 {
        return Err(format!("format {} is not known; this version reads format 1", spec.format));
    }
    for service in &spec.service {
        let name = &service.name;
        if service.hosts == 0 || service.hosts > MAX_HOSTS {
            return Err(format!("service `{name}`: hosts must be 1 to {MAX_HOSTS}"));
        }
        if service.standby_running > service.hosts {
            return Err(format!("service `{name}`: standby_running is more than hosts"));
        }
        for group in &service.application_group {
            if group.sessions() > u64::from(group.people) {
                return Err(format!("service `{name}`, group `{}`: more sessions than people", group.code));
            }
        }
        let sessions: u64 = service.application_group.iter().map(GroupSpec::sessions).sum();
        if sessions > u64::from(service.hosts) * u64::from(service.max_sessions) {
            return Err(format!("service `{name}`: {sessions} sessions do not fit on its hosts"));
        }
    }
    for entry in &spec.at {
        if let Some(service) = &entry.fault.scope.service
            && !spec.service.iter().any(|s| &s.name == service)
        {
            let near = nearest(service, spec.service.iter().map(|s| s.name.as_str()));
            return Err(format!("fault `{}`: no service `{service}`; {near}", entry.fault.kind.word()));
        }
    }
    Ok(())
}

/// Turns the parser's error into ours, with a place and the nearest known key.
fn unreadable(name: &str, source: &str, error: &toml::de::Error) -> SimError {
    let at = error.span().map_or(0, |span| span.start.min(source.len()));
    let before = &source[..source.floor_char_boundary_at(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    let mut message = error.message().to_owned();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown")
        && let Some((word, known)) = quoted.split_first()
        && !known.is_empty()
    {
        message = format!("unknown `{word}`; {}", nearest(word, known.iter().copied()));
    }
    SimError::Scenario { name: name.to_owned(), line, column, message }
}

/// `str::floor_char_boundary` is newer than the Rust version we support.
trait FloorBoundary {
    fn floor_char_boundary_at(&self, at: usize) -> usize;
}

impl FloorBoundary for str {
    fn floor_char_boundary_at(&self, at: usize) -> usize {
        (0..=at).rev().find(|i| self.is_char_boundary(*i)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_loads_and_describes_its_delays() {
        let names: Vec<String> = Scenario::builtins().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["calm", "region-outage", "tiny", "inherited-blocks"]);
        for name in names {
            let text = Scenario::builtin(&name).expect("built in").describe();
            for delay in ["vm_start", "propagation", "host_boot", "work"] {
                assert!(text.contains(delay), "{name}: {text}");
            }
        }
        assert!(Scenario::builtin("nope").is_none());
    }

    #[test]
    fn calm_shortens_no_delay() {
        let calm = Scenario::builtin("calm").expect("built in");
        let published = super::super::spec::Timing::default().rows();
        assert_eq!(calm.spec.timing.rows(), published);
    }

    #[test]
    fn the_largest_numbers_are_numbers() {
        let tiny = include_str!("scenarios/tiny.toml");
        let most = "max_sessions = 4294967295";
        let source = tiny.replacen("max_sessions = 2", most, 1);
        assert!(source.contains(most));
        let scenario = Scenario::from_toml(&source, "x").expect("no limit is none");
        assert!(scenario.describe().contains("4294967295 sessions a host"));
    }

    #[test]
    fn mistakes_come_with_place_and_nearest_key() {
        let tiny = include_str!("scenarios/tiny.toml");
        for (from, to, line_of, part) in [
            ("max_sessions =", "max_session =", "max_session =", "nearest is `max_sessions`"),
            ("code = \"NE\"", "kode = \"NE\"", "kode", "nearest is `code`"),
            ("hosts = 2", "hosts = 0", "", "hosts must be"),
            ("format = 1", "format = 9", "", "format 9"),
            ("disconnected = 1", "disconnected = 4294967295", "", "more sessions than people"),
        ] {
            let source = tiny.replacen(from, to, 1);
            assert_ne!(source, tiny, "{from}");
            let error = Scenario::from_toml(&source, "x").expect_err(to);
            let SimError::Scenario { line, ref message, .. } = error else { panic!("{error}") };
            assert!(message.contains(part), "{to}: {message}");
            if !line_of.is_empty() {
                let expected = source.lines().position(|l| l.contains(line_of)).expect("it is there") + 1;
                assert_eq!(line, expected, "{to}: {message}");
            }
        }
    }
}

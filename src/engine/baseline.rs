//! Figures taken down before anything is changed, and how the journal says them.

use crate::domain::Safe;

/// Stands for a figure that is not known.
const UNKNOWN: &str = "?";

/// Figures taken down with the snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Sessions in every state; `None`: their list could not be read whole.
    pub sessions: Option<u32>,
    /// Distinct users; `None` likewise.
    pub users: Option<u32>,
    /// Pools whose plans could be read whole, and whether one acted on them.
    pub plans: Vec<(crate::domain::ArmId, bool)>,
}

impl Baseline {
    /// As the note says it.
    pub fn text(&self) -> Safe {
        let plans: Vec<String> = self
            .plans
            .iter()
            .map(|(pool, on)| format!("{pool}={}", if *on { "on" } else { "off" }))
            .collect();
        let figure = |known: Option<u32>| known.map_or_else(|| UNKNOWN.to_owned(), |count| count.to_string());
        let (sessions, users) = (figure(self.sessions), figure(self.users));
        Safe::new(&format!("sessions {sessions} users {users} plans {}", plans.join(",")))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut figure = |name: &str| {
            (words.next()? == name).then_some(())?;
            match words.next()? {
                UNKNOWN => Some(None),
                count => count.parse().ok().map(Some),
            }
        };
        let sessions = figure("sessions")?;
        let users = figure("users")?;
        (words.next()? == "plans").then_some(())?;
        let plans = words
            .collect::<Vec<_>>()
            .join(" ")
            .split(',')
            .filter_map(|entry| {
                let (pool, on) = entry.rsplit_once('=')?;
                Some((crate::domain::ArmId::parse(pool).ok()?, on == "on"))
            })
            .collect();
        Some(Self { sessions, users, plans })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ArmId;

    #[test]
    fn a_baseline_reads_as_it_was_written() {
        let pool = ArmId::parse("/subscriptions/s/resourceGroups/rg one/providers/x/hostPools/hp").unwrap();
        for plans in [vec![], vec![(pool.clone(), true)], vec![(pool.clone(), false), (pool, true)]] {
            for (sessions, users) in [(Some(299), Some(297)), (None, None), (Some(0), Some(0))] {
                let baseline = Baseline { sessions, users, plans: plans.clone() };
                assert_eq!(Baseline::parse(baseline.text().as_str()), Some(baseline));
            }
        }
    }
}

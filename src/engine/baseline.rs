//! Figures taken down before anything is changed, and how the journal says them.

use crate::domain::Safe;

/// Figures taken down with the snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Sessions in every state.
    pub sessions: u32,
    /// Distinct users.
    pub users: u32,
    /// Pools and whether their plan acted on them.
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
        Safe::new(&format!("sessions {} users {} plans {}", self.sessions, self.users, plans.join(",")))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut figure = |name: &str| {
            (words.next()? == name).then_some(())?;
            words.next()?.parse().ok()
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
            let baseline = Baseline { sessions: 299, users: 297, plans };
            assert_eq!(Baseline::parse(baseline.text().as_str()), Some(baseline));
        }
    }
}

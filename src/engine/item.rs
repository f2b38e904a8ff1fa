//! One killer item of a gate, as the journal stores it.

use serde::{Deserialize, Serialize};

use crate::domain::Safe;

use super::event::GateVerdict;

/// One killer item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct GateItem {
    /// Its id.
    pub id: String,
    /// Green, red, unknown.
    pub verdict: GateVerdict,
    /// The value in words.
    pub value: Safe,
    /// What the verdict rests on.
    pub ground: Ground,
    /// Age of the reading in seconds.
    pub age_s: Option<u64>,
}

/// What the verdict over an item rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// What was seen, and nothing else.
    Seen,
    /// What is not so, or what nobody tells, is owed: it keeps nobody from going on.
    Owed,
    /// What nobody could look at counts as nobody.
    Unproven,
}

impl GateItem {
    /// Whether it keeps nobody from going on and yet is not seen to be so.
    pub fn is_excused(&self) -> bool {
        self.goes_on() && self.ground != Ground::Seen
    }

    /// Whether it was seen to be as it should.
    pub fn is_green(&self) -> bool {
        self.goes_on() && self.ground == Ground::Seen
    }

    fn goes_on(&self) -> bool {
        matches!(self.verdict, GateVerdict::Green | GateVerdict::Passed)
    }
}

/// An item as any version wrote it down.
#[derive(Debug, Deserialize)]
struct Stored {
    id: String,
    verdict: GateVerdict,
    value: Safe,
    #[serde(default)]
    ground: Option<Ground>,
    age_s: Option<u64>,
}

impl From<Stored> for GateItem {
    fn from(Stored { id, verdict, value, ground, age_s }: Stored) -> Self {
        let ground = ground.unwrap_or_else(|| Ground::told_by(value.as_str()));
        Self { id, verdict, value, ground, age_s }
    }
}

impl Ground {
    /// What the item of an older record rests on: only the end of its value told.
    fn told_by(value: &str) -> Self {
        if value == "owed" || value.ends_with(": owed") {
            Self::Owed
        } else if value.ends_with("not proven over") {
            Self::Unproven
        } else {
            Self::Seen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_nobody_from_going_on_is_not_called_green_for_that() {
        use GateVerdict::{Green, Passed, Red, Unknown};
        let cases = [
            (Green, Ground::Seen, true, false),
            (Passed, Ground::Seen, true, false),
            (Green, Ground::Owed, false, true),
            (Passed, Ground::Owed, false, true),
            (Passed, Ground::Unproven, false, true),
            (Red, Ground::Owed, false, false),
            (Unknown, Ground::Seen, false, false),
        ];
        for (verdict, ground, is_green, is_excused) in cases {
            // The words mean nothing.
            for value in ["108%", "typed by a person: owed"] {
                let item =
                    GateItem { id: "one".to_owned(), verdict, value: value.into(), ground, age_s: None };
                let told = (item.is_green(), item.is_excused());
                assert_eq!(told, (is_green, is_excused), "{verdict:?} {ground:?} {value}");
                let line = serde_json::to_string(&item).unwrap();
                assert_eq!(serde_json::from_str::<GateItem>(&line).unwrap(), item, "{line}");
            }
        }
    }

    /// An item as the journals of older versions hold it.
    #[test]
    fn an_older_record_is_read_for_what_its_value_said() {
        let cases = [
            ("108%", Ground::Seen),
            ("0 owed", Ground::Seen),
            ("owed", Ground::Owed),
            ("0 users, 0 principals in both; WE does not tell its sessions: owed", Ground::Owed),
            ("0 users in both; 74 sessions on silent hosts in WE not proven over", Ground::Unproven),
        ];
        for (value, ground) in cases {
            let line = format!(r#"{{"id":"one","verdict":"passed","value":"{value}","age_s":3}}"#);
            let item: GateItem = serde_json::from_str(&line).unwrap();
            assert_eq!((item.ground, item.age_s, item.value.as_str()), (ground, Some(3), value));
        }
    }

    /// An older version knows nothing of what is new, and reads the rest.
    #[test]
    fn a_new_record_is_read_by_an_older_version() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Older {
            id: String,
            verdict: GateVerdict,
            value: Safe,
            age_s: Option<u64>,
        }
        let (id, verdict) = ("one".to_owned(), GateVerdict::Passed);
        let item =
            GateItem { id: id.clone(), verdict, value: "owed".into(), ground: Ground::Owed, age_s: None };
        let older: Older = serde_json::from_str(&serde_json::to_string(&item).unwrap()).unwrap();
        assert_eq!(older, Older { id, verdict, value: "owed".into(), age_s: None });
    }
}

use super::*;
use crate::domain::time::minutes;

#[test]
fn a_clock_is_judged_by_what_its_error_does() {
    let skew = |likely: Span| Some(Skew { least: likely, likely, most: likely });
    for (skew, state, told) in [
        (None, State::Unknown, "no answer told the time"),
        (skew(seconds(0)), State::Ok, "within 5 s of Azure's"),
        (skew(seconds(-4)), State::Ok, "within 5 s"),
        (skew(seconds(30)), State::Warn, "30 s ahead of Azure's"),
        (skew(minutes(-4)), State::Warn, "4 min behind Azure's"),
        (skew(minutes(-6)), State::Crit, "6 min behind Azure's"),
    ] {
        let found = clock(skew);
        assert!(found.state == state && found.told.as_str().contains(told), "{found:?}");
    }
}

#[test]
fn a_proxy_is_named_without_its_password() {
    for (all, expected) in [
        (vec![], "none"),
        (vec![("HTTPS_PROXY", "")], "none"),
        (
            vec![("https_proxy", "http://user:CANARY@proxy.contoso.example:3128/")],
            "proxy.contoso.example:3128; ",
        ),
        (vec![("ALL_PROXY", "CANARY")], "an address that cannot be read"),
        (vec![("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "10.0.0.0/8")], "p:1, but not for 10.0.0.0/8"),
    ] {
        let told = named_proxy(|name| {
            all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        assert!(told.starts_with(expected) && !told.contains("CANARY"), "{told}");
    }
}

#[test]
fn unknown_and_what_is_in_the_way_fail_and_nothing_else_does() {
    for (states, code) in [
        (vec![], 1),
        (vec![State::Ok, State::NotConfigured], 0),
        (vec![State::Ok, State::Warn], 0),
        (vec![State::Warn, State::Unknown], 1),
        (vec![State::Crit, State::Ok], 1),
    ] {
        let findings = states.iter().map(|state| Finding::new("x", *state, "told", "next")).collect();
        let examined = Examined {
            estate: "contoso-avd".to_owned(),
            world: WorldKind::Sim,
            at: Timestamp::UNIX_EPOCH,
            findings,
            reached: Vec::new(),
            capabilities: Vec::new(),
        };
        assert_eq!(examined.exit_code(), code, "{states:?}");
        assert!(table(&examined).starts_with("SIM "));
        assert!(json(&examined).starts_with("{\n  \"mode\": \"SIM\""));
    }
}

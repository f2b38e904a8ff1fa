use super::*;
use crate::domain::{reading::SilenceKind, time::minutes};

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
fn a_proxy_is_named_without_its_password_and_one_that_cannot_be_used_is_in_the_way() {
    const REST: &str = "; identity endpoints are asked without it";
    for (all, state, expected) in [
        (vec![], State::Ok, "none".to_owned()),
        (vec![("HTTPS_PROXY", "")], State::Ok, "none".to_owned()),
        (
            vec![("https_proxy", "http://user:CANARY@proxy.contoso.example:3128/")],
            State::Ok,
            format!("proxy.contoso.example:3128{REST}"),
        ),
        (vec![("ALL_PROXY", "user:CANARY@proxy:3128")], State::Ok, format!("proxy:3128{REST}")),
        (vec![("ALL_PROXY", "proxy:3128")], State::Ok, format!("proxy:3128{REST}")),
        (
            vec![("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "10.0.0.0/8")],
            State::Ok,
            format!("p:1, but not for 10.0.0.0/8{REST}"),
        ),
        (
            vec![("HTTPS_PROXY", "http://us er:CANARY@::bad")],
            State::Crit,
            "HTTPS_PROXY cannot be read".to_owned(),
        ),
        (vec![("HTTPS_PROXY", "/CANARY")], State::Crit, "HTTPS_PROXY cannot be read".to_owned()),
        (vec![("all_proxy", "http://CANARY:port")], State::Crit, "all_proxy cannot be read".to_owned()),
        (vec![("ALL_PROXY", "socks5://u:CANARY@p:1080")], State::Crit, "ALL_PROXY is of socks5".to_owned()),
    ] {
        let found = outside::named_proxy(|name| {
            all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        let told = found.told.as_str();
        assert!(found.state == state && told.starts_with(&expected) && !told.contains("CANARY"), "{found:?}");
        assert_eq!(found.next.is_empty(), state == State::Ok, "{found:?}");
    }
}

#[test]
fn authorities_that_vouch_for_nobody_are_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let good = include_str!("authority.pem");
    std::fs::write(path("good.pem"), good).unwrap();
    std::fs::write(path("bad.pem"), "rubbish").unwrap();
    std::fs::write(path("cut.pem"), &good[..good.len() / 2]).unwrap();
    let turned = good.replacen("BEGIN CERTIFICATE-----\nMII", "BEGIN CERTIFICATE-----\nAAA", 1);
    std::fs::write(path("turned.pem"), turned).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    let here = folder.path().display().to_string();
    for (file, directory, state, expected) in [
        ("", "", State::Ok, "this system's"),
        ("good.pem", "", State::Ok, "1 certificate ("),
        ("bad.pem", "", State::Crit, "holds no certificate"),
        ("cut.pem", "", State::Crit, "holds no certificate"),
        ("turned.pem", "", State::Crit, "holds no certificate"),
        ("missing.pem", "", State::Crit, "cannot be read"),
        ("empty", "", State::Crit, "cannot be read"),
        ("", "empty", State::Crit, "holds no certificate"),
        ("", "missing", State::Crit, "holds no certificate"),
        ("", ".", State::Ok, "1 certificate ("),
        ("missing.pem", ".", State::Warn, "1 certificates; the file cannot be read"),
        ("bad.pem", ".", State::Ok, "1 certificate ("),
    ] {
        let found = outside::named_authorities(|name| match name {
            "SSL_CERT_FILE" => (!file.is_empty()).then(|| path(file)),
            "SSL_CERT_DIR" if directory == "." => Some(here.clone()),
            "SSL_CERT_DIR" => (!directory.is_empty()).then(|| path(directory)),
            _ => None,
        });
        let fits = found.state == state && found.told.as_str().starts_with(expected);
        assert!(fits, "{file} {directory}: {found:?}");
    }
}

fn known(identity: bool, life: Life, trouble: Option<TokenError>) -> TokenStatus {
    let identity = identity.then_some(crate::azure::Identity::Opaque);
    TokenStatus { identity, life, trouble, ..TokenStatus::unasked("managed identity") }
}

fn part(side: Option<Side>, provider: &'static str, silent: Option<(SilenceKind, &str)>) -> Reached {
    let (kind, why) = silent.map_or((None, ""), |(kind, why)| (Some(kind), why));
    let millis = silent.is_none().then_some(40);
    let state = if silent.is_some() { State::Crit } else { State::Ok };
    Reached { side, provider, state, millis, why: why.into(), kind }
}

/// What Azure does with a token is what the identity is worth, not that there is one.
#[test]
fn an_identity_that_azure_refuses_is_not_ok() {
    let now = Timestamp::UNIX_EPOCH;
    let until = Life::Until(now + minutes(30));
    let weak = || Some(TokenError::SignIn { why: "claims challenge".into() });
    let none = || TokenError::Refused { source_name: "az login", why: "not signed in".into() };
    let fine = part(None, "graph", None);
    let claims = part(None, "graph", Some((SilenceKind::NoToken, "sign in again: claims")));
    let denied = part(None, "graph", Some((SilenceKind::Denied, "401 InvalidToken: no")));
    let broken = part(None, "graph", Some((SilenceKind::Garbled, "500 Internal Server Error")));
    let gone = part(None, "graph", Some((SilenceKind::Unreachable, "refused, after 2 ms (limit 10.0 s)")));
    for (known, reached, state, expected) in [
        (known(true, until, None), vec![fine.clone()], State::Ok, "opaque by managed identity, until "),
        (known(true, Life::Unknown, None), vec![fine.clone()], State::Ok, "its end is not known"),
        // A token is worth nothing that nobody has taken.
        (
            known(true, until, None),
            vec![gone.clone()],
            State::Unknown,
            "not known, Azure answers nothing: opaque by",
        ),
        (known(true, until, None), vec![broken.clone(), broken.clone()], State::Unknown, "; all 2: 500"),
        (known(true, until, Some(none())), vec![gone.clone()], State::Unknown, "not renewed: "),
        (known(true, until, None), vec![], State::Unknown, "; nothing was asked"),
        (known(true, until, None), vec![gone.clone(), fine.clone()], State::Ok, "until "),
        (known(true, Life::Until(now), None), vec![gone], State::Crit, "over since "),
        (known(true, until, Some(none())), vec![fine.clone()], State::Warn, "not renewed: "),
        // A claims challenge that took the token away, and one whose token was too young for that.
        (
            known(true, Life::None, weak()),
            vec![claims.clone()],
            State::Crit,
            "no token: sign in again: claims",
        ),
        (known(true, Life::None, None), vec![claims.clone()], State::Crit, "no token: Azure refused it"),
        (
            known(true, until, None),
            vec![claims, fine.clone()],
            State::Crit,
            "refuses it: sign in again: claims",
        ),
        (known(true, until, None), vec![denied.clone(), denied.clone()], State::Crit, "refuses it: 401"),
        // One right that is missing is no refusal of the identity.
        (known(true, until, None), vec![denied, fine.clone()], State::Ok, "until "),
        (
            known(false, Life::None, Some(none())),
            vec![],
            State::Crit,
            "no token from az login: not signed in",
        ),
        (known(true, Life::Until(now), None), vec![fine], State::Crit, "over since "),
    ] {
        let found = who(WorldKind::Live, &Err(none()), &known, &reached, now);
        assert!(found.state == state && found.told.as_str().contains(expected), "{known:?}: {found:?}");
    }
}

/// Whatever is broken, the page is one screen, every finding is on it, and nothing is dropped unsaid.
#[test]
fn a_page_is_one_screen_in_every_state() {
    let scenario = crate::sim::Scenario::builtin("tiny").unwrap().estate_toml(None);
    let estate = crate::config::parse(&scenario, "tiny").unwrap();
    let refused = |ms: u64| {
        format!(
            "connection to 127.0.0.1:4280 failed: tcp connect error: Connection refused (os error 111), after {ms} ms (limit 10.0 s)"
        )
    };
    let providers = ["desktops", "access", "storage", "machines", "health"];
    let everywhere = |silent: &dyn Fn(u64) -> Option<(SilenceKind, String)>| -> Vec<Reached> {
        let sides = [Some(Side::Primary), Some(Side::Secondary), None];
        let all = sides.into_iter().flat_map(|side| providers.into_iter().map(move |name| (side, name)));
        let all = all.enumerate();
        all.map(|(at, (side, name))| {
            let silent = silent(at as u64);
            part(side, name, silent.as_ref().map(|(kind, why)| (*kind, why.as_str())))
        })
        .collect()
    };
    for (name, reached) in [
        ("fine", everywhere(&|_| None)),
        ("refused", everywhere(&|at| Some((SilenceKind::Unreachable, refused(at))))),
        ("claims", everywhere(&|_| Some((SilenceKind::NoToken, "sign in again: claims ".repeat(6))))),
        (
            "no right",
            everywhere(&|_| Some((SilenceKind::Denied, "403 AuthorizationFailed: no right ".repeat(8)))),
        ),
        ("each its own", everywhere(&|at| Some((SilenceKind::Denied, format!("{at} is wrong ").repeat(9))))),
        ("some", everywhere(&|at| (at % 2 > 0).then(|| (SilenceKind::Unreachable, refused(at))))),
    ] {
        let mut findings =
            vec![Finding::new("identity", State::Crit, "why there is none, ".repeat(12), "sign in")];
        for key in ["environment", "memory", "token cache", "rights", "excess"] {
            findings.push(Finding::new(
                key,
                State::Unknown,
                "what is told of it ".repeat(9),
                "what to do next",
            ));
        }
        findings.extend(reach::findings(&estate, &reached));
        for key in ["clock", "proxy", "authorities", "place", "lock", "last drill"] {
            findings.push(Finding::new(key, State::Warn, "what is told of it ".repeat(4), "do that now"));
        }
        let keys: Vec<&str> = findings.iter().map(|finding| finding.key).collect();
        let (estate, world) = ("contoso-avd".to_owned(), WorldKind::Live);
        let at = Timestamp::UNIX_EPOCH;
        let examined = Examined { estate, world, at, findings, reached, capabilities: Vec::new() };
        let page = table(&examined);
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines.len() < 24, "{name}: {}\n{page}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{name}:\n{page}");
        for key in keys {
            assert!(lines.iter().any(|line| line.starts_with(key)), "{name}, {key}:\n{page}");
        }
        assert!(
            page.contains("~\n") && page.ends_with("all of it: farshore doctor --output json\n"),
            "{page}"
        );
        assert!(page.contains("> sign in\n"), "the worst is told best:\n{page}");
        // One line a region, its cause said once; the JSON has every one whole.
        assert!(page.matches("reach ").count() == 3, "{page}");
        let whole = json(&examined);
        for one in &examined.reached {
            assert!(whole.contains(one.why.as_str().trim_end()), "{name}: {whole}");
        }
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

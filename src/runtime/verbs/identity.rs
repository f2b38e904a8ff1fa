//! `login`, `logout` and `whoami`.

use std::{env, fmt::Write as _, path::Path, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    azure::{
        Bearer, Identity, TokenSource,
        tokens::{AzCli, Fixed, Rest, Resting, Unfit, longest},
    },
    cli::{Cli, Login, Store},
    domain::{
        Safe,
        estate::Estate,
        text::counted,
        time::{Timestamp, span_text, time_text},
    },
    engine::event::WorldKind,
    runtime::{
        passphrase,
        session::{self, Aim, Session},
        sources,
    },
    vault::{self, Begun, FileEnd, KeyEnd, Ladder, Loss, Passed, SignIn, Vault, Wiped},
};

use super::{VerbError, print};

/// Exit code where nothing went wrong and something is left undone.
const EXIT_EXCEPTIONS: u8 = 4;

/// How long a source may be silent before a person is told that it is asked.
const SILENT: Duration = Duration::from_secs(1);

/// Ways to sign in that the design knows and this version has not.
const LATER: &str = "sign-in by browser and by device code are not in this version: az login has both";

/// One line: what is told of, and what is told.
fn say(text: &mut String, what: &str, told: impl std::fmt::Display) {
    // A String takes everything.
    let _ = writeln!(text, "{what:<18}{told}");
}

/// `farshore login`.
pub async fn login(cli: &Cli, args: &Login) -> Result<u8, VerbError> {
    let Some(aim) = Aim::of(&cli.global, "login")? else {
        return Err(VerbError::Usage("a simulated estate needs no sign-in; leave --sim out".to_owned()));
    };
    let state = session::state_dir(&cli.global)?;
    let mut text = String::new();
    let Some((bearer, source)) = first(&aim, &mut text).await? else {
        say(&mut text, "not signed in", LATER);
        print(&text)?;
        return Ok(1);
    };
    let (estate, endpoint) = (aim.estate.clone(), aim.endpoint.clone());
    let tokens: Arc<dyn TokenSource> = Arc::new(Fixed::new(bearer.clone(), source));
    let session = Session::onto(&cli.global, aim, tokens, state.clone())?;
    if !belongs(&session, &estate, &mut text).await {
        say(&mut text, "kept", "nothing: what cannot be checked is not kept");
        print(&text)?;
        return Ok(1);
    }
    let now = Timestamp::now();
    say(&mut text, "token", life(bearer.expires, now));
    if let Some(unfit) = Unfit::of(&bearer, estate.cloud, now) {
        say(&mut text, "kept", format_args!("nothing: {unfit}"));
        say(&mut text, "", unfit.next());
        print(&text)?;
        return Ok(EXIT_EXCEPTIONS);
    }
    let note = match Resting::note(&bearer, &endpoint, &estate.tenant, source) {
        Ok(note) => note,
        Err(error) => {
            say(&mut text, "kept", format_args!("nothing: {error}"));
            print(&text)?;
            return Ok(EXIT_EXCEPTIONS);
        }
    };
    // A person may be asked now: they should know for what.
    print(&text)?;
    let vault = Vault::new(&state, vault::stores());
    let label = Resting::label(&endpoint, &estate.tenant);
    let (text, code) = match vault.sign_in(&label, &note, ladder(args.store), &passphrase::ask) {
        Ok(Begun::Kept { sign_in, passed, lost }) => (kept(&vault, &sign_in, &passed, lost.as_ref()), 0),
        Ok(Begun::Nowhere { passed }) => (nowhere(&passed), EXIT_EXCEPTIONS),
        Err(error) => {
            let mut text = String::new();
            say(&mut text, "kept", format_args!("nothing: {error}"));
            (text, EXIT_EXCEPTIONS)
        }
    };
    print(&text)?;
    Ok(code)
}

fn ladder(store: Store) -> Ladder {
    match store {
        Store::Auto => Ladder::Whole,
        Store::Passphrase => Ladder::Passphrase,
    }
}

/// The first source that gives a token, and what each before it said.
async fn first(aim: &Aim, text: &mut String) -> Result<Option<(Bearer, &'static str)>, VerbError> {
    let candidates = sources::candidates(&aim.estate, &aim.endpoint).map_err(session::SessionError::from)?;
    for (name, source) in candidates {
        let got = match source {
            Ok(source) => {
                let mut asked = source.bearer();
                let got = if let Ok(got) = timeout(SILENT, &mut asked).await {
                    got
                } else {
                    say(text, name, "is asked, for 10 s at most");
                    print(text)?;
                    text.clear();
                    asked.await
                };
                got.map(|bearer| (bearer, source.describe().source))
            }
            Err(error) => Err(error),
        };
        match got {
            Ok((bearer, source)) => {
                say(text, source, format_args!("signed in as {}", bearer.identity));
                return Ok(Some((bearer, source)));
            }
            Err(error) => {
                let error = error.to_string();
                let told = error.strip_prefix(&format!("no token from {name}: ")).unwrap_or(&error);
                say(text, name, format_args!("no: {told}"));
            }
        }
    }
    Ok(None)
}

/// Whether tenant and subscriptions are those of the estate file, by a read of each.
async fn belongs(session: &Session, estate: &Estate, text: &mut String) -> bool {
    say(text, "tenant", format_args!("{}, as the estate file says", estate.tenant));
    let subscriptions = estate.subscriptions();
    let mut wrong = 0;
    for subscription in &subscriptions {
        let id = subscription.subscription();
        match session.azure.tenant_of(subscription).await {
            Ok(tenant) if tenant.as_str().eq_ignore_ascii_case(&estate.tenant) => continue,
            Ok(tenant) => {
                say(text, "subscription", format_args!("{id} is of tenant {tenant}, not of the estate's"));
            }
            Err(silence) => say(text, "subscription", format_args!("{id} cannot be read: {}", silence.why)),
        }
        wrong += 1;
    }
    if wrong == 0 {
        say(
            text,
            "subscriptions",
            format_args!("{}, all of that tenant", counted(subscriptions.len(), "subscription")),
        );
    }
    wrong == 0
}

/// How long a token lasts, in words: never longer than farshore uses one.
pub fn life(ends: Option<Timestamp>, now: Timestamp) -> String {
    match ends {
        None => "its end is not known".to_owned(),
        Some(ends) if ends <= now => format!("over since {}", time_text(ends)),
        Some(ends) => {
            let known = ends.min(longest(now));
            let more = if known < ends { "; its issuer says longer, farshore asks anew by then" } else { "" };
            format!("until {}, {}{more}", time_text(known), span_text(known.duration_since(now)))
        }
    }
}

fn kept(vault: &Vault, sign_in: &SignIn, passed: &[Passed], lost: Option<&Loss>) -> String {
    let mut text = String::new();
    let sealer = &sign_in.sealer;
    if let Some(loss) = lost {
        say(&mut text, "before", format_args!("what rested here could not be opened and is gone: {loss}"));
    }
    say(&mut text, "kept", format_args!("sealed in {}", vault.path().display()));
    say(&mut text, "key", format_args!("in {}, {}", sealer.rung(), sealer.rung().lasts()));
    for Passed { rung, why } in passed {
        say(&mut text, "", format_args!("not in {rung}: {why}"));
    }
    text
}

fn nowhere(passed: &[Passed]) -> String {
    let mut text = String::new();
    say(&mut text, "kept", "nothing: the token ends with each process, and the next one signs in anew");
    for Passed { rung, why } in passed {
        say(&mut text, "", format_args!("not with {rung}: {why}"));
    }
    say(
        &mut text,
        "",
        format_args!("for a machine without a terminal: {} names a file with a passphrase", passphrase::FILE),
    );
    text
}

/// `farshore logout`.
pub fn logout(cli: &Cli) -> Result<u8, VerbError> {
    let vault = Vault::new(&session::state_dir(&cli.global)?, vault::stores());
    let path = vault.path();
    let wiped = vault.wipe()?;
    let mut text = String::new();
    let code = wiped_words(&mut text, &path, &wiped);
    // A token can come again from where it came: said of what is there, and of nothing else.
    if AzCli::find(&env::var_os("PATH").unwrap_or_default()).is_ok() {
        let words = "is not touched: where it is signed in, farshore goes on using it until az logout";
        say(&mut text, "az", words);
    }
    if env::var_os("IDENTITY_ENDPOINT").is_some() {
        say(&mut text, "this machine", "has a managed identity, which farshore goes on using here");
    }
    say(&mut text, "cockpits", "that run keep the token they hold until it ends, in memory");
    print(&text)?;
    Ok(code)
}

/// What became of file and key, and the exit code that fits.
fn wiped_words(text: &mut String, path: &Path, wiped: &Wiped) -> u8 {
    let path = path.display();
    let stays = matches!(wiped.file, FileEnd::Link { to: Some(_) });
    match &wiped.file {
        FileEnd::None => say(text, "token cache", format_args!("there was none ({path})")),
        FileEnd::Gone => {
            say(text, "token cache", format_args!("wiped, and looked for: it is gone ({path})"));
        }
        FileEnd::Link { to: None } => {
            say(text, "token cache", format_args!("only a link was removed, which led to none ({path})"));
        }
        FileEnd::Link { to: Some(to) } => {
            let stays = to.display();
            say(text, "token cache", format_args!("only a link was removed ({path}): {stays} stays"));
        }
    }
    match &wiped.key {
        KeyEnd::None => {}
        KeyEnd::Gone(rung) => {
            let so = if stays { ", and nothing else opens that file" } else { "" };
            say(text, "its key", format_args!("taken out of {rung}, and looked for: it is gone{so}"));
        }
        KeyEnd::Unsure(why) if stays => {
            say(text, "its key", format_args!("still opens that file, as far as is known: {why}"));
        }
        KeyEnd::Unsure(why) => {
            say(text, "its key", format_args!("may still be there, and opens nothing any more: {why}"));
        }
    }
    if stays || matches!(wiped.key, KeyEnd::Unsure(_)) { EXIT_EXCEPTIONS } else { 0 }
}

/// `farshore whoami`.
pub async fn whoami(cli: &Cli) -> Result<u8, VerbError> {
    let session = Session::open(&cli.global, Some("whoami"))?;
    let mut text = String::new();
    if session.world() == WorldKind::Sim {
        say(&mut text, "SIM", "a simulated estate: nobody is signed in to Azure");
    }
    let bearer = session.tokens.bearer().await;
    let known = session.tokens.describe();
    match &bearer {
        Ok(bearer) => identity(&mut text, &session, &bearer.identity),
        Err(error) => say(&mut text, "not signed in", error),
    }
    if session.world() == WorldKind::Live {
        if bearer.is_ok() {
            say(&mut text, "source", known.source);
            let ends = match known.life {
                crate::azure::Life::Until(ends) => Some(ends),
                _ => None,
            };
            say(&mut text, "token", life(ends, Timestamp::now()));
        }
        say(&mut text, "cache", rest(&known.rest));
        say(&mut text, "endpoint", &session.endpoint);
    }
    print(&text)?;
    Ok(u8::from(bearer.is_err()))
}

fn identity(text: &mut String, session: &Session, identity: &Identity) {
    let app = session.identity();
    say(text, "identity", app.name);
    if let Identity::Named { oid, tenant, .. } = identity {
        say(text, "object", oid);
        say(text, "tenant", tenant);
    }
}

/// Where tokens rest, in words.
pub fn rest(rest: &Rest) -> Safe {
    Safe::new(&match rest {
        Rest::Memory { why } => format!("memory only: {why}"),
        Rest::Sealed { key_in } => format!("sealed, its key in {key_in}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::seconds;

    #[test]
    fn a_token_is_said_to_last_as_long_as_it_is_used() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        for (left, expected) in [
            (-7_200, "over since "),
            (-5, "over since "),
            (0, "over since "),
            (5, ", 5 s"),
            (3_600, ", 1 h 0 m"),
            (100 * 365 * 86_400, ", 28 h 0 m"),
        ] {
            let told = life(now.checked_add(seconds(left)).ok(), now);
            assert!(told.contains(expected), "{left}: {told}");
        }
        assert_eq!(life(None, now), "its end is not known");
    }
}

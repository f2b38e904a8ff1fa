//! Signing in, from the outside: what is kept, what is not, and that no token is ever seen.

use std::{
    fmt::Debug,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use farshore::{
    azure::{
        Azure, AzureOptions, Bearer, Endpoint, Issuer, Secret, TokenSource,
        tokens::{Cached, Chain, Fixed, Pinned, Resting},
    },
    config,
    domain::time::Timestamp,
    sim::Scenario,
    vault::{Contents, Held, Ladder, Vault},
    wire::{Live, LiveOptions, Reach},
};

use super::{
    canary::{
        CANARY, Kind, TENANT, Word, ends, http, identity, listen, nothing_readable, said, token, unseen,
    },
    cli::Server,
    terminal::{LIMIT, State, Terminal, kill, text},
};

/// A verb on the served estate, with tokens of this identity endpoint.
fn command(server: &Server, state: &State, identity: &str, words: &[&str]) -> Command {
    let mut command = server.command(state, words);
    command.env("IDENTITY_ENDPOINT", identity).env("IDENTITY_HEADER", format!("{CANARY}-header"));
    command
}

/// The same without any identity endpoint.
fn alone(server: &Server, state: &State, words: &[&str]) -> Command {
    let mut command = server.command(state, words);
    command.env_remove("IDENTITY_ENDPOINT").env_remove("IDENTITY_HEADER");
    command
}

/// What is said of az and of a managed identity is said where there is one.
#[test]
fn a_sign_out_names_only_what_is_there() {
    let state = State::new();
    let bin = state.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for (az, managed) in [(false, false), (true, false), (false, true)] {
        if az {
            fs::write(bin.join("az"), "#!/bin/sh\n").unwrap();
            fs::set_permissions(bin.join("az"), fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            let _ = fs::remove_file(bin.join("az"));
        }
        let mut command = state.command(&["logout"]);
        command.env("PATH", &bin).env_remove("IDENTITY_ENDPOINT").env_remove("IDENTITY_HEADER");
        if managed {
            command.env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token").env("IDENTITY_HEADER", "x");
        }
        let all = ends(command, 0, &["token cache"]);
        assert_eq!(all.contains("until az logout"), az, "{all}");
        assert_eq!(all.contains("managed identity"), managed, "{all}");
    }
}

/// Whatever the kernel allows: a token outlives its process sealed, or nothing is written and that is said.
#[test]
fn a_sign_in_outlives_its_process_or_says_that_it_does_not() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    let output = command(&server, &state, &identity, &["login"]).output().unwrap();
    let all = said(&output);
    assert!(
        all.contains("signed in as op.07@contoso.example") && all.contains("all of that tenant"),
        "{all}"
    );
    if output.status.code() == Some(0) {
        assert!(all.contains("sealed in ") && all.contains("the kernel keyring"), "{all}");
        for _ in 0..2 {
            let who =
                ends(alone(&server, &state, &["whoami"]), 0, &["op.07@contoso.example", "managed identity"]);
            assert!(who.contains("sealed, its key in the kernel keyring"), "{who}");
        }
        ends(alone(&server, &state, &["status"]), 0, &["OK tiny"]);
        ends(alone(&server, &state, &["doctor"]), 0, &["sealed, its key in the kernel keyring"]);
        nothing_readable(state.path());
        ends(alone(&server, &state, &["logout"]), 0, &["it is gone"]);
    } else {
        assert_eq!(output.status.code(), Some(4), "{all}");
        assert!(all.contains("not with the kernel keyring: "), "{all}");
        ends(command(&server, &state, &identity, &["doctor"]), 0, &["memory only"]);
    }
    assert!(!state.path().join("tokens").exists());
    ends(alone(&server, &state, &["whoami"]), 1, &["not signed in", "memory only"]);
    nothing_readable(state.path());
}

#[test]
fn a_passphrase_keeps_a_sign_in_on_every_machine_and_what_spoils_it_costs_a_sign_in() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    let word = Word::of(&state);
    let login = || word.given_to(command(&server, &state, &identity, &["login", "--store", "passphrase"]));
    // Nobody to ask: signed in, nothing kept, nothing written.
    let nobody = command(&server, &state, &identity, &["login", "--store", "passphrase"]);
    ends(nobody, 4, &["nothing: the token ends with each process"]);
    assert!(!state.path().join("tokens").exists());
    ends(login(), 0, &["in a passphrase, asked for by every process"]);
    ends(word.given_to(alone(&server, &state, &["whoami"])), 0, &["op.07@contoso.example"]);
    ends(word.given_to(alone(&server, &state, &["status"])), 0, &["OK tiny"]);
    assert!(nothing_readable(state.path()) >= 1);
    // Each of these is a reason to sign in again, and no crash.
    let sealed = state.path().join("tokens/sealed");
    let good = fs::read(&sealed).unwrap();
    let spoil = |bytes: &[u8]| fs::write(&sealed, bytes).unwrap();
    let lost = |expected: &str, with: bool| {
        let whoami = alone(&server, &state, &["whoami"]);
        let whoami = if with { word.given_to(whoami) } else { whoami };
        ends(whoami, 1, &[&format!("sign in again: {expected}")]);
    };
    lost("the token cache is locked", false);
    let other = Word::new(&state, "other", "battery staple");
    ends(
        other.given_to(alone(&server, &state, &["whoami"])),
        1,
        &["sign in again: the token cache is locked"],
    );
    spoil(&good[..good.len() / 2]);
    lost("the token cache is damaged", true);
    spoil(b"\x00\xff");
    lost("the token cache is damaged", true);
    let mut turned = good.clone();
    let at = turned.len() - 10;
    turned[at] = if turned[at] == b'0' { b'1' } else { b'0' };
    spoil(&turned);
    lost("the token cache is locked", true);
    spoil(&good);
    fs::set_permissions(&sealed, fs::Permissions::from_mode(0o644)).unwrap();
    lost("the token cache was open to others (mode 644)", true);
    fs::set_permissions(&sealed, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&sealed, state.path().join("away")).unwrap();
    symlink(state.path().join("away"), &sealed).unwrap();
    lost("a symbolic link stands in the place of the token cache", true);
    // The cockpit opens over it all the same, and a new sign-in mends it.
    ends(word.given_to(command(&server, &state, &identity, &["status"])), 0, &["OK tiny"]);
    ends(login(), 0, &["sealed in "]);
    assert!(!sealed.is_symlink() && state.path().join("away").exists());
    ends(word.given_to(alone(&server, &state, &["whoami"])), 0, &["op.07@contoso.example"]);
    ends(alone(&server, &state, &["logout"]), 0, &["it is gone"]);
    nothing_readable(state.path());
}

#[test]
fn what_is_no_token_of_this_tenant_is_never_kept() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    for (kind, code, expected) in [
        (
            Kind::WrongTenant,
            1,
            "signs in to tenant 22222222-2222-4222-8222-222222222222, the estate file names",
        ),
        (Kind::Garbage, 1, "managed identity  no: "),
    ] {
        ends(command(&server, &state, &identity(kind), &["login"]), code, &[expected]);
        let who = ends(command(&server, &state, &identity(kind), &["whoami"]), 1, &["not signed in"]);
        assert!(!who.contains('\x1b'), "{who}");
        assert!(!state.path().join("tokens").exists());
    }
    // An opaque one is used on this machine, and shown as what it is.
    ends(command(&server, &state, &identity(Kind::Opaque), &["whoami"]), 0, &["identity          opaque"]);
    // Nor does a token of this machine go to Azure: nothing is even asked for.
    let mut azure = state.command(&["whoami", "--estate"]);
    azure.arg(&server.estate).env("IDENTITY_ENDPOINT", identity(Kind::Jwt)).env("IDENTITY_HEADER", "x");
    azure.env("PATH", "/nonexistent");
    ends(azure, 1, &["az is not installed", "tokens issued here never go to Azure", "AZURE_CLIENT_SECRET"]);
    ends(state.command(&["login", "--sim"]), 2, &["a simulated estate needs no sign-in"]);
    ends(state.command(&["whoami", "--sim"]), 0, &["SIM"]);
}

/// A whole sitting: signing in, a run with its journal and report, looks, an error and a cockpit.
#[test]
fn no_token_is_seen_in_a_whole_sitting() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &["--speed", "240"]);
    let identity = identity(Kind::Jwt);
    let word = Word::of(&state);
    let mut all = String::new();
    let mut run = |words: &[&str]| {
        let mut command = word.given_to(command(&server, &state, &identity, words));
        command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        command.env("AZURE_CLIENT_SECRET", format!("{CANARY}-secret"));
        let output = command.output().unwrap();
        all += &said(&output);
        output.status.code()
    };
    assert_eq!(run(&["login", "--store", "passphrase"]), Some(0));
    assert_eq!(run(&["run", "avd-pooled-failover", "--auto"]), Some(0));
    let id = state.run();
    for words in [
        vec!["whoami"],
        vec!["doctor"],
        vec!["doctor", "--output", "json"],
        vec!["status", "--output", "json"],
        vec!["check", "--output", "json"],
        vec!["report", &id],
        vec!["report", &id, "--output", "json"],
        vec!["audit", "show", &id, "--output", "json"],
        vec!["run", "nope"],
    ] {
        run(&words);
    }
    assert!(all.contains("op.07@contoso.example"), "the canary's owner acted: {all}");
    unseen(&all);
    // The journal, the report, the cache.
    assert!(nothing_readable(state.path()) >= 4);
    // The cockpit in a terminal: line 1 tells how long the token lives, and nothing tells the token.
    let set = format!(
        "IDENTITY_ENDPOINT={identity} IDENTITY_HEADER={CANARY}-header FARSHORE_PASSPHRASE_FILE={} \
         exec $FARSHORE {} record --out {}",
        word.0,
        live(&server),
        state.path().join("sitting").display()
    );
    let Some(mut terminal) = Terminal::shell(&state, &["-c", &set]) else { return };
    terminal.until("a token's life", |screen| screen.contains("tok 5") && screen.contains("op.07"));
    terminal.press("qq");
    assert_eq!(terminal.end(LIMIT), 0);
    let shown = text(&terminal.raw());
    unseen(&shown);
    assert!(!shown.contains("mem"), "it is sealed: {shown}");
    assert!(fs::read_to_string(state.path().join("sitting")).unwrap().contains("op.07"), "it was taken down");
    nothing_readable(state.path());
}

/// Whatever an identity endpoint puts into a refusal, nothing of it is seen: in no output, screen, journal,
/// report or recording.
#[test]
fn no_token_is_seen_where_an_identity_endpoint_refuses() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &["--speed", "240"]);
    for (status, told) in [
        (400, "400 invalid_request"),
        (401, "401 Unauthorized"),
        (403, "403 Forbidden"),
        (404, "404 Not Found"),
        // It is asked again and again, until the time is over.
        (503, "503 Service Unavailable"),
    ] {
        let identity = identity(Kind::Refuses(status));
        if status < 500 {
            let no = format!("managed identity  no: {told}");
            ends(command(&server, &state, &identity, &["login"]), 1, &[&no]);
        }
        let who = format!("not signed in     no token from managed identity: {told}");
        ends(command(&server, &state, &identity, &["whoami"]), 1, &[&who]);
    }
    let identity = identity(Kind::Refuses(403));
    let mut all = String::new();
    let mut verb = |words: &[&str]| {
        let mut command = command(&server, &state, &identity, words);
        command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        all += &said(&command.output().unwrap());
    };
    for words in [
        vec!["status"],
        vec!["status", "--output", "json"],
        vec!["check", "--output", "json"],
        vec!["doctor"],
        vec!["doctor", "--output", "json"],
        vec!["run", "avd-pooled-failover", "--auto"],
    ] {
        verb(&words);
    }
    for run in state.runs() {
        verb(&["audit", "show", &run, "--output", "json"]);
        verb(&["report", &run, "--output", "json"]);
    }
    assert!(all.contains("403 Forbidden"), "what it said is told: {all}");
    unseen(&all);
    let out = state.path().join("sitting");
    let set = format!(
        "IDENTITY_ENDPOINT={identity} IDENTITY_HEADER={CANARY}-header exec $FARSHORE {} record --out {}",
        live(&server),
        out.display()
    );
    if let Some(mut terminal) = Terminal::shell(&state, &["-c", &set]) {
        terminal.until("the refusal", |screen| screen.contains("403"));
        terminal.press("qq");
        assert_eq!(terminal.end(LIMIT), 0);
        let shown = text(&terminal.raw());
        unseen(&shown);
        let recorded = fs::read_to_string(&out).unwrap();
        assert!(recorded.contains("403 Forbidden"), "it is in there: {recorded}");
    }
    assert!(nothing_readable(state.path()) >= 1);
}

/// What is odd about a sign-in is told, and nothing ends in a colon with nothing behind it.
#[test]
fn what_is_odd_about_a_sign_in_is_told() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    for (kind, expected) in [
        (Kind::Refuses(302), "managed identity  no: 302 Found: it points elsewhere, which is not followed"),
        (Kind::Refuses(400), "managed identity  no: 400 invalid_request\n"),
        (Kind::Long, "managed identity  no: token unusable: it is longer than any token"),
        (Kind::Late, "managed identity  is asked, for 10 s at most\nmanaged identity  signed in as op.07"),
    ] {
        let output = command(&server, &state, &identity(kind), &["login"]).output().unwrap();
        let all = said(&output);
        assert!(all.contains(expected) && !all.contains(CANARY), "`{expected}` is not said: {all}");
    }
}

/// A token that is over or for something else than Azure Resource Manager is not kept, and none is said to
/// last for ever.
#[test]
fn what_is_over_or_for_another_service_is_not_kept_and_nothing_lasts_for_a_century() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let word = Word::of(&state);
    let verb = |kind: Kind, words: &[&str]| word.given_to(command(&server, &state, &identity(kind), words));
    for lives in [0, -5, -7_200] {
        let told =
            ["token             over since ", "kept              nothing: the token is over; is the clock"];
        ends(verb(Kind::Lives(lives), &["login", "--store", "passphrase"]), 4, &told);
        assert!(!state.path().join("tokens").exists(), "{lives}");
    }
    let told = [
        "kept              nothing: the token is for https://graph.example, not for Azure",
        "check cloud in",
    ];
    ends(verb(Kind::OtherAudience, &["login", "--store", "passphrase"]), 4, &told);
    assert!(!state.path().join("tokens").exists());
    let told = ["28 h 0 m; its issuer says longer, farshore asks anew by then", "sealed in "];
    ends(verb(Kind::Lives(100 * 365 * 86_400), &["login", "--store", "passphrase"]), 0, &told);
    ends(verb(Kind::Lives(0), &["whoami"]), 0, &["27 h 59 m"]);
}

/// Every source that somebody has set up tells why it gives nothing, the last one first; nothing that stands
/// in the place of a token file holds anybody up.
#[test]
fn what_is_set_up_and_gives_nothing_is_told() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let bin = state.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("az"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("az"), fs::Permissions::from_mode(0o777)).unwrap();
    let fifo = state.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let huge = state.path().join("huge");
    fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    for (file, told) in [
        (fifo.as_path(), "AZURE_FEDERATED_TOKEN_FILE is no regular file"),
        (Path::new("/dev/zero"), "AZURE_FEDERATED_TOKEN_FILE is no regular file"),
        (state.path(), "AZURE_FEDERATED_TOKEN_FILE is no regular file"),
        (&huge, "AZURE_FEDERATED_TOKEN_FILE is larger than 64 KiB, too large for a token"),
    ] {
        let mut command = state.command(&["whoami", "--estate"]);
        command.arg(&server.estate).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command.env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/x").env("IDENTITY_HEADER", "x");
        command.env("AZURE_CLIENT_ID", "app").env("AZURE_FEDERATED_TOKEN_FILE", file);
        let before = Instant::now();
        let first =
            format!("no token from workload identity: {told}; managed identity: IDENTITY_ENDPOINT is on");
        ends(command, 1, &[&first, "~; az login: ", "bin/az"]);
        assert!(before.elapsed() < Duration::from_secs(10), "{file:?}");
    }
}

/// What is trusted over https is named where it vouches for nobody, as the reason and at once, by every verb
/// that needs it: for a token, and to look with one.
#[test]
fn authorities_that_vouch_for_nobody_are_told_as_the_reason() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let (bin, broken) = (state.path().join("bin"), state.path().join("broken.pem"));
    fs::write(&broken, "rubbish").unwrap();
    fs::create_dir(&bin).unwrap();
    let ends = Timestamp::now().as_second() + 3_600;
    let json =
        format!(r#"{{"accessToken":"{}","expires_on":{ends},"tokenType":"Bearer"}}"#, token(Kind::Jwt, ends));
    let az = bin.join("az");
    fs::write(&az, format!("#!/bin/sh\necho '{json}'\n")).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let missing = state.path().join("missing.pem");
    for (file, told) in [(&missing, "cannot be read: no https"), (&broken, "holds no certificate: no https")]
    {
        let told = format!("the certificate authorities: {told} (SSL_CERT_FILE {})", file.display());
        for (verb, signed_in) in [
            ("whoami", false),
            ("login", false),
            ("status", false),
            ("check", false),
            ("doctor", false),
            ("login", true),
            ("status", true),
            ("check", true),
            ("doctor", true),
        ] {
            let mut command = state.command(&[verb, "--estate"]);
            command.arg(&server.estate);
            if matches!(verb, "check" | "doctor") {
                command.args(["--output", "json"]);
            }
            let path =
                if signed_in { format!("{}:/usr/bin:/bin", bin.display()) } else { "/nonexistent".into() };
            command.env("PATH", path).env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", file);
            command.env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/x").env("IDENTITY_HEADER", "x");
            command.env("AZURE_CLIENT_ID", "app").env("AZURE_CLIENT_SECRET", format!("{CANARY}-secret"));
            let all = said(&command.output().unwrap());
            let flowing = all.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flowing.contains(&told), "{verb} {signed_in} does not say `{told}`: {all}");
            let reached = flowing.contains("could not reach management.azure.com: the certificate");
            assert_eq!(reached, signed_in, "{verb}: {all}");
            unseen(&all);
        }
    }
}

/// What somebody may put into `AZURE_AUTHORITY_HOST` to be sent the secret. `TRAP` is a port that listens.
const AUTHORITIES: [&str; 26] = [
    "https://evil.example",
    "https://evil.example/",
    "evil.example",
    "//evil.example",
    "http://evil.example",
    "http://login.microsoftonline.com",
    "https://login.microsoftonline.com.evil.example",
    "https://evil.example/login.microsoftonline.com",
    "https://evil.example?login.microsoftonline.com",
    "https://evil.example#login.microsoftonline.com",
    "https://login.microsoftonline.com@evil.example",
    "https://login.microsoftonline.com:443@evil.example",
    "https://user:word@login.microsoftonline.com",
    "https://login.microsoftonline.com:444",
    "https://login.microsoftonline.com.",
    "https://login-microsoftonline.com",
    "https://xn--login-microsoftonline-0og.com",
    "https://log\u{456}n.microsoftonline.com",
    "https://[::1]:TRAP",
    "https://[::ffff:127.0.0.1]:TRAP",
    "https://127.0.0.1:TRAP",
    "http://127.0.0.1:TRAP",
    "http://127.0.0.1:TRAP/redirect",
    "http://localhost:TRAP",
    "https://login.chinacloudapi.cn",
    "ftp://127.0.0.1:TRAP",
];

/// Wherever `AZURE_AUTHORITY_HOST` points, the only place that is asked is the cloud's own sign-in address: by
/// the word of a proxy that sees every connection out, and of a trap that nothing comes to.
#[test]
fn no_authority_host_brings_a_secret_elsewhere() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let heard = || -> (u16, Arc<Mutex<Vec<String>>>) {
        let all = Arc::new(Mutex::new(Vec::new()));
        let into = all.clone();
        let answer = move |head: &str| {
            into.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
            Some(http("403 Forbidden", "", ""))
        };
        (listen(Arc::new(answer), None), all)
    };
    let ((proxy, out), (trap, caught)) = (heard(), heard());
    for authority in AUTHORITIES {
        let authority = authority.replace("TRAP", &trap.to_string());
        let mut command = state.command(&["whoami", "--estate"]);
        command.arg(&server.estate).env("PATH", "/nonexistent");
        for name in
            ["NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
        {
            command.env_remove(name);
        }
        command.env("HTTPS_PROXY", format!("http://127.0.0.1:{proxy}"));
        command.env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/x").env("IDENTITY_HEADER", "x");
        command.env("AZURE_CLIENT_ID", "app").env("AZURE_CLIENT_SECRET", format!("{CANARY}-secret"));
        command.env("AZURE_TENANT_ID", TENANT).env("AZURE_AUTHORITY_HOST", &authority);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&authority, || !out.lock().unwrap().is_empty());
        let _ = child.kill();
        let _ = child.wait();
        let asked = std::mem::take(&mut *out.lock().unwrap());
        let ours = |head: &String| head.starts_with("CONNECT login.microsoftonline.com:443 ");
        assert!(asked.iter().all(ours), "{authority}: {asked:?}");
        assert_eq!(*caught.lock().unwrap(), Vec::<String>::new(), "{authority}");
    }
}

/// Whether a process lives that is no zombie.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits until `fits` holds, and not for ever.
#[track_caller]
fn wait_for(what: &str, fits: impl Fn() -> bool) {
    let before = Instant::now();
    while !fits() {
        assert!(before.elapsed() < LIMIT, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// However farshore ends while `az` runs, `az` and what it started end with it.
#[test]
fn az_ends_with_the_process_that_asked_it() {
    if !Path::new("/proc/self/stat").exists() {
        println!("skipped: no /proc here");
        return;
    }
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let bin = state.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let az = bin.join("az");
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        let pids = state.path().join(format!("pids-{signal}"));
        let note = format!("echo $! >>'{}'", pids.display());
        let script =
            format!("#!/bin/sh\nsleep 300 & {note}; (sleep 300; :) & {note}; sleep 300 & {note}; wait\n");
        fs::write(&az, script).unwrap();
        fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = state.command(&["whoami", "--estate"]);
        command.arg(&server.estate).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command.env("IDENTITY_ENDPOINT", "http://127.0.0.1:9/x").env("IDENTITY_HEADER", "x");
        let mut child = command.spawn().unwrap();
        let read = || fs::read_to_string(&pids).unwrap_or_default();
        wait_for("az runs", || read().lines().count() == 3);
        assert!(read().lines().all(lives), "{signal}");
        kill(child.id(), signal);
        let _ = child.wait();
        wait_for(signal, || !read().lines().any(lives));
    }
}

/// The words that name a served estate.
fn live(server: &Server) -> String {
    format!("--estate {} --endpoint http://127.0.0.1:{}", server.estate.display(), server.port)
}

#[test]
fn a_passphrase_is_typed_unseen_and_the_terminal_is_left_as_it_was() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    let set = format!("export IDENTITY_ENDPOINT={identity} IDENTITY_HEADER=x; A='{}'; ", live(&server));
    let script = set
        + "$FARSHORE $A login --store passphrase; echo code $?; stty -a | tr ' ' '\\n' | grep -x -- '-*echo'; \
           $FARSHORE $A whoami; echo code $?; $FARSHORE $A whoami; echo code $?; echo over; read x";
    let Some(mut terminal) = Terminal::shell(&state, &["-c", &script]) else { return };
    let typed = format!("{CANARY}-typed");
    terminal.see("New passphrase for the token cache");
    terminal.press(&format!("{typed}\r"));
    terminal.see("The same again");
    terminal.press("something else\r");
    terminal.see("They differ.");
    terminal.pause();
    terminal.press(&format!("{typed}\r"));
    terminal.until("the second time", |screen| screen.matches("The same again").count() == 2);
    terminal.press(&format!("{typed}\r"));
    terminal.see("in a passphrase, asked for by every process");
    terminal.see("code 0");
    // The terminal echoes again.
    terminal.until("echo", |screen| screen.lines().any(|line| line.trim() == "echo"));
    terminal.see("Passphrase of the token cache (empty: go on without it):");
    terminal.press("wrong\r");
    terminal.see("That was not it.");
    terminal.press(&format!("{typed}\r"));
    terminal.see("object            o-7");
    terminal.until("asked again", |screen| screen.matches("Passphrase of the token cache").count() == 3);
    terminal.pause();
    // Ctrl-C at the prompt: it goes on without the cache, and asks the identity endpoint.
    terminal.press("\u{3}");
    terminal.see("over");
    let shown = text(&terminal.raw());
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(shown.contains("memory only: sign in again: the token cache is locked"), "{shown}");
    terminal.press("\r");
    assert_eq!(terminal.end(LIMIT), 0);
    nothing_readable(state.path());
}

/// Whatever a panic prints of the things that hold tokens, it prints none.
#[test]
fn no_panic_shows_a_token() {
    let state = tempfile::tempdir().unwrap();
    let estate =
        Arc::new(config::parse(&Scenario::builtin("tiny").unwrap().estate_toml(None), "tiny").unwrap());
    let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let secret = Secret::new(token(Kind::Jwt, 4_000_000_000));
    let bearer = Bearer::new(&secret, Issuer::Loopback, None).unwrap();
    let fixed: Arc<dyn TokenSource> = Arc::new(Fixed::new(bearer.clone(), "test"));
    let pinned: Arc<dyn TokenSource> = Arc::new(Pinned::new(fixed, TENANT));
    let chain: Arc<dyn TokenSource> = Arc::new(Chain::new(vec![pinned]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cached: Arc<dyn TokenSource> = Arc::new(Cached::new(chain, Arc::new(Timestamp::now), 1));
    runtime.block_on(async { cached.bearer().await }).unwrap();
    let wire = Arc::new(Live::new(LiveOptions::new(Reach::Loopback)).unwrap());
    let azure = Azure::new(wire, cached.clone(), AzureOptions::new(endpoint.clone(), estate));
    let note = Resting::note(&bearer, &endpoint, TENANT, "managed identity").unwrap();
    let vault = Vault::new(state.path(), Vec::new());
    let word = |_| Some(Secret::new(format!("{CANARY}-passphrase")));
    let begun = vault.sign_in("label", &note, Ladder::Passphrase, &word).unwrap();
    let contents = vault.open(&word);
    let Contents::Open { entries, .. } = &contents else { panic!("{contents:?}") };
    assert!(matches!(&entries["label"].held, Held::Secret(note) if note.expose().contains(CANARY)));
    let held: [&(dyn Debug + Sync); 8] =
        [&secret, &bearer, &cached, &azure, &note, &vault, &begun, &contents];
    for held in held {
        let panic =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic!("at {held:?} {held:#?}")));
        let told = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(!told.contains(CANARY) && !told.contains("eyJ0"), "{told}");
    }
    nothing_readable(state.path());
}

/// What the security page says is what the source does.
#[test]
fn the_security_page_agrees_with_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let source = |name: &str| fs::read_to_string(root.join("src").join(name)).unwrap();
    for rung in ["keyutils", "secret-service", "keychain", "credential-manager", "passphrase"] {
        assert!(source("vault/mod.rs").contains(&format!("\"{rung}\"")), "no rung {rung}");
        assert!(page.contains(&format!("| `{rung}` |")), "SECURITY.md does not name {rung}");
    }
    for (told, name, code) in [
        ("STATE/tokens/sealed", "vault/file.rs", "const FILE: &str = \"sealed\""),
        ("STATE/tokens/sealed", "vault/file.rs", "const DIRECTORY: &str = \"tokens\""),
        ("mode 0600", "vault/file.rs", ".mode(0o600)"),
        ("mode 0700", "vault/file.rs", ".mode(0o700)"),
        ("ChaCha20-Poly1305", "vault/seal.rs", "CHACHA20_POLY1305"),
        ("random key of 32 bytes", "vault/seal.rs", "const KEY: usize = 32"),
        ("argon2id", "vault/seal.rs", "Algorithm::Argon2id"),
        ("64 MiB and 3 passes", "vault/seal.rs", "memory_kib: 64 * 1024, passes: 3"),
        ("Links are not followed", "vault/file.rs", "OFlags::NOFOLLOW"),
        ("`FARSHORE_PASSPHRASE_FILE`", "runtime/passphrase.rs", "\"FARSHORE_PASSPHRASE_FILE\""),
        ("`memory only`", "ui/head.rs", "\"memory only\""),
        ("three days unused", "vault/mod.rs", "three days unused"),
        ("--features secret-service", "../Cargo.toml", "secret-service = ["),
    ] {
        assert!(page.contains(told), "SECURITY.md does not say `{told}`");
        assert!(source(name).contains(code), "{name} does not say `{code}`, the page says `{told}`");
    }
}

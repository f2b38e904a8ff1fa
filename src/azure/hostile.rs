//! Hostile addresses in every field that carries one: no foreign origin is asked, and no token crosses.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use http::Uri;

use super::{
    Azure, AzureOptions, Bearer, Endpoint, Issuer, Secret, WriteIds,
    origin::Origin,
    scripted::{Say, Script, estate, id, look, now, ok, status},
    tokens::{Fixed, IdentityEndpoint, jwt},
};
use crate::{
    domain::{
        Answer, Operation, Side, Source,
        estate::Cloud,
        operation::{FollowKind, FollowUrl, Sent},
    },
    wire::{Guard, Live, LiveOptions, Permit, Reach, body_sha256},
};

/// The addresses of the table.
pub(super) fn urls() -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct File {
        urls: Vec<String>,
    }
    let file: File = toml::from_str(include_str!("../../tests/hostile_urls.toml")).expect("the table reads");
    assert!(file.urls.len() >= 150, "{}", file.urls.len());
    file.urls
}

/// The table for an origin: its tricks with our own host in the place of Azure's. What comes out as a
/// plain address of ours is none of them.
fn against(endpoint: &Endpoint) -> Vec<String> {
    let origin = Origin::new(endpoint);
    let (scheme, host) = origin.as_str().split_once("://").expect("an origin");
    let ours = |url: String| url.replace("https", scheme).replace("management.azure.com", host);
    let all: Vec<String> = urls().into_iter().map(ours).filter(|url| origin.admit(url).is_err()).collect();
    assert!(all.len() >= 150, "{} for {endpoint}", all.len());
    all
}

fn client(endpoint: &Endpoint, script: &Arc<Script>) -> Azure {
    let token = jwt::tests::token(r#"{"oid":"o","tid":"11111111-1111-4111-8111-111111111111"}"#);
    let issuer = if endpoint.is_loopback() { Issuer::Loopback } else { Issuer::Real };
    let bearer = Bearer::new(&Secret::new(token), issuer, None).expect("a token");
    let options = AzureOptions::new(endpoint.clone(), Arc::new(estate()));
    Azure::new(Arc::new(Guard::new(script.clone())), Arc::new(Fixed::new(bearer, "test")), options)
}

/// Everything that left went to our origin, as its own parser reads it, and nothing else had a token.
fn all_ours(endpoint: &Endpoint, script: &Script, what: &str) -> usize {
    let ours: Uri = endpoint.to_string().parse().expect("an origin");
    let requests = script.requests();
    for request in &requests {
        let uri = request.uri();
        assert_eq!((uri.scheme(), uri.authority()), (ours.scheme(), ours.authority()), "{what}: {uri}");
        assert!(request.headers().contains_key("authorization"), "{what}: {uri}");
    }
    requests.len()
}

const ORIGINS: [&str; 3] = ["https://management.azure.com", "http://127.0.0.1:4711", "http://[::1]:4711"];

fn page(next: &str) -> Say {
    ok(&serde_json::json!({"value": [], "nextLink": next}).to_string())
}

fn carries(url: &str) -> bool {
    http::HeaderValue::from_bytes(url.as_bytes()).is_ok_and(|value| value.to_str().is_ok())
}

#[tokio::test(start_paused = true)]
async fn no_next_page_is_read_from_elsewhere() {
    for endpoint in ORIGINS.map(|text| Endpoint::parse(text).expect("an origin")) {
        for url in against(&endpoint) {
            let script = Script::new(&[("", &[page(&url), page("")])]);
            let answer = look(&client(&endpoint, &script), Source::Hosts(0, Side::Primary)).await;
            assert_eq!(all_ours(&endpoint, &script, &url), 1, "{url}");
            // A list that ends at such an address is not whole.
            if let Ok(Answer::Hosts(list)) = answer {
                assert!(list.error().is_some() || url.is_empty(), "{url:?} ended a whole list");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_redirect_is_followed() {
    for endpoint in ORIGINS.map(|text| Endpoint::parse(text).expect("an origin")) {
        for (place, url) in against(&endpoint).into_iter().filter(|url| carries(url)).enumerate() {
            let code = [301, 302, 303, 307, 308][place % 5];
            let script = Script::new(&[("", &[status(code, "").with("location", &url)])]);
            let answer = look(&client(&endpoint, &script), Source::Pool(0, Side::Primary)).await;
            assert!(answer.is_err(), "{url}");
            assert_eq!(all_ours(&endpoint, &script, &url), 1, "{url}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_operation_is_followed_elsewhere_whether_azure_or_the_journal_names_it() {
    let vm = id("/resourceGroups/rg-we/providers/Microsoft.Compute/virtualMachines/vm");
    let ids = || WriteIds { client_request_id: "a".into(), correlation_id: "b".into() };
    for endpoint in ORIGINS.map(|text| Endpoint::parse(text).expect("an origin")) {
        for url in against(&endpoint) {
            for (header, kind) in
                [("azure-asyncoperation", FollowKind::AsyncOperation), ("location", FollowKind::Location)]
            {
                // As the journal has it.
                let script = Script::new(&[("", &[ok("{}")])]);
                let azure = client(&endpoint, &script);
                let _ = azure.follow(&FollowUrl { url: url.clone(), kind, pace: 1 }).await;
                assert_eq!(all_ours(&endpoint, &script, &url), 0, "{header}: {url}");
                if !carries(&url) {
                    continue;
                }
                // As the answer to a write has it, and that to a look at an operation of ours.
                let script = Script::new(&[("", &[status(202, "").with(header, &url)])]);
                let azure = client(&endpoint, &script);
                let image = azure.encoder().encode(&Operation::StartVm { vm: vm.clone() });
                let permit = Permit::mint(&image.method, &image.url, body_sha256(image.body.as_bytes()));
                let sent = azure.send(&image, permit, &ids(), &|| true).await;
                let Sent::Accepted { follow, .. } = sent else { panic!("{url}: {sent:?}") };
                if let Some(follow) = follow {
                    let _ = azure.follow(&follow).await;
                }
                assert_eq!(all_ours(&endpoint, &script, &url), 1, "{header}: {url}");
                let ours = format!("{endpoint}/subscriptions/s/operations/o?api-version=1");
                let follow = FollowUrl { url: ours, kind, pace: 1 };
                for _ in 0..2 {
                    let _ = azure.follow(&follow).await;
                }
                assert_eq!(all_ours(&endpoint, &script, &url), 3, "{header}: {url}");
            }
        }
    }
}

/// What names an endpoint or an identity endpoint: a hostile spelling is refused, or leads to this machine.
#[test]
fn no_endpoint_and_no_identity_endpoint_leads_elsewhere() {
    let near = ["127.0.0.1:4711", "[::1]:4711", "169.254.169.254", "localhost:4711"];
    let spelled = |url: &String| {
        let plain = url.replace("https", "http");
        let hosts = near.iter().map(|host| plain.replace("management.azure.com", host));
        hosts.chain([url.clone(), plain.clone()]).collect::<Vec<_>>()
    };
    for url in urls().iter().flat_map(spelled) {
        if let Ok(endpoint) = Endpoint::parse(&url) {
            let origin = endpoint.to_string();
            let host = origin.parse::<Uri>().expect("an origin").host().expect("a host").to_owned();
            let cloud = [Cloud::Public, Cloud::UsGovernment, Cloud::China].map(Cloud::arm_origin);
            let here = matches!(host.as_str(), "127.0.0.1" | "[::1]" | "[::]") && endpoint.is_loopback();
            assert!(cloud.contains(&origin.as_str()) || (here && host != "[::]"), "{url}: {origin}");
        }
        for url in [url.clone(), format!("{url}msi/token")] {
            let named = |name: &str| match name {
                "IDENTITY_ENDPOINT" => Some(url.clone()),
                _ => Some("CANARY".to_owned()),
            };
            let Ok(found) = IdentityEndpoint::from_env(named) else { continue };
            // The library reads the address in the same way.
            let read = url::Url::parse(&url).expect("accepted");
            let host = read.host_str().unwrap_or_default();
            let expected = match host {
                "127.0.0.1" | "[::1]" => Issuer::Loopback,
                host if host.starts_with("169.254.") => Issuer::Real,
                _ => panic!("{url} leads to {host}"),
            };
            assert!(
                read.scheme() == "http" && read.username().is_empty() && read.password().is_none(),
                "{url}"
            );
            assert_eq!(found.issuer(), expected, "{url}");
        }
    }
}

/// Answers every connection in the same way, on a thread that ends with the test process.
fn stub(answer: impl Fn(SocketAddr) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.expect("a connection");
            let _ = socket.set_read_timeout(Some(Duration::from_secs(20)));
            let mut seen = Vec::new();
            let mut buffer = [0_u8; 4_096];
            while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
                match socket.read(&mut buffer) {
                    Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let _ = socket.write_all(answer(address).as_bytes());
        }
    });
    address
}

/// Over real sockets: everything hostile in the table leads to a sink here, which nobody calls.
#[tokio::test]
async fn nobody_calls_a_sink_over_real_sockets() {
    let sink = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    sink.set_nonblocking(true).expect("a socket");
    let target = sink.local_addr().expect("an address");
    let aimed = move |url: &str, ours: SocketAddr| {
        let url = url.replace("https", "http").replace("evil.example", &target.to_string());
        url.replace("management.azure.com", &ours.to_string())
    };
    let mut tricks: Vec<String> = urls().into_iter().filter(|url| url.contains("evil.example")).collect();
    tricks.extend(["http://evil.example/x", "http://evil.example", "//evil.example/x"].map(str::to_owned));
    assert!(tricks.len() >= 30, "{}", tricks.len());
    for trick in tricks.into_iter().filter(|trick| carries(trick)) {
        for redirects in [false, true] {
            let told = trick.clone();
            let server = stub(move |ours| {
                let url = aimed(&told, ours);
                let body = serde_json::json!({"value": [], "nextLink": url}).to_string();
                let status = if redirects { "307 Temporary Redirect" } else { "200 OK" };
                format!(
                    "HTTP/1.1 {status}\r\nlocation: {url}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
            });
            let endpoint = Endpoint::parse(&format!("http://{server}")).expect("a loopback literal");
            let wire = Arc::new(Live::new(LiveOptions::new(Reach::Loopback)).expect("a wire"));
            let options = AzureOptions::new(endpoint, Arc::new(estate()));
            let azure = Azure::new(wire, Arc::new(Fixed::simulated()), options);
            let _ = azure.look(&Source::Hosts(0, Side::Primary), &now).await;
            let url = aimed(&trick, server);
            for kind in [FollowKind::AsyncOperation, FollowKind::Location] {
                let _ = azure.follow(&FollowUrl { url: url.clone(), kind, pace: 1 }).await;
            }
            let caller = sink.accept().map(|(_, caller)| caller);
            assert!(caller.is_err(), "{trick}: the sink was called");
        }
    }
}

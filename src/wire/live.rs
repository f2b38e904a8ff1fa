//! Live HTTP. The only file that names the HTTP library.

use std::{error::Error as _, fmt, net::IpAddr, sync::Once, time::Duration};

use bytes::{Bytes, BytesMut};
use http::Uri;
use reqwest::{Client, ClientBuilder, redirect, retry};

use super::{Reply, Request, Response, Wire, WireError};

/// Longest wait for a connection (reliability-security §3).
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Largest answer we take in, decoded, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Bytes set aside for an answer that says how long it is; what it says is not trusted further.
const FIRST_RESERVE: u64 = 256 * 1024;

/// Longest text of a transport error, in characters.
const MAX_WHY: usize = 200;

/// Where instance metadata answers on Azure's machines, and identity endpoints of App Service.
const LINK_LOCAL: [u8; 2] = [169, 254];

/// Where a live wire may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any https origin, through the system's proxy, trusted as the platform trusts.
    Https,
    /// Plain http to loopback literals, and nowhere else.
    Loopback,
    /// Plain http to loopback and link-local literals: identity endpoints. No proxy, which would
    /// see the tokens.
    Identity,
}

/// How a [`Live`] wire is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveOptions {
    /// Where it may go.
    pub reach: Reach,
    /// Largest answer, in bytes, decoded.
    pub max_body: usize,
}

impl LiveOptions {
    /// Options with the designed limits.
    pub fn new(reach: Reach) -> Self {
        Self { reach, max_body: MAX_BODY }
    }
}

/// The live wire could not be made; the cockpit goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the https client cannot start: {why}; install the system's CA certificates, or set SSL_CERT_FILE")]
pub struct LiveError {
    why: String,
}

/// A wire over real sockets.
pub struct Live {
    client: Client,
    options: LiveOptions,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("reach", &self.options.reach).finish_non_exhaustive()
    }
}

impl Live {
    /// Makes a wire. A host without CA certificates is an error here, for [`Reach::Https`] only.
    pub fn new(options: LiveOptions) -> Result<Self, LiveError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // A provider that somebody installed before us serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let builder = ClientBuilder::new()
            .user_agent(concat!("farshore/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT);
        let builder = match options.reach {
            Reach::Https => builder.https_only(true),
            // Without roots no store is read: nothing of TLS is used on this path.
            Reach::Loopback | Reach::Identity => builder.no_proxy().tls_certs_only(std::iter::empty()),
        };
        let client = builder.build().map_err(|error| LiveError { why: in_words(&error) })?;
        Ok(Self { client, options })
    }

    /// Whether the wire may go there.
    fn reaches(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let address = bare.parse::<IpAddr>().ok();
        let loopback = address.is_some_and(|address| address.is_loopback());
        let link_local = matches!(address, Some(IpAddr::V4(v4)) if v4.octets().starts_with(&LINK_LOCAL));
        let plain = uri.scheme_str() == Some("http");
        match self.options.reach {
            Reach::Https => uri.scheme_str() == Some("https"),
            Reach::Loopback => plain && loopback,
            Reach::Identity => plain && (loopback || link_local),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, WireError> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        if !self.reaches(request.uri()) {
            return Err(WireError::NotSent { host, why: "this client does not go there".to_owned() });
        }
        let classify = |error: reqwest::Error| classify(&host, &error);
        let request = reqwest::Request::try_from(request).map_err(classify)?;
        let mut answer = self.client.execute(request).await.map_err(classify)?;
        let limit_bytes = self.options.max_body;
        let told = answer.content_length().unwrap_or(0);
        let mut body = BytesMut::with_capacity(told.min(FIRST_RESERVE) as usize);
        // What fails from here on fails after the far end has acted.
        while let Some(piece) = answer.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + piece.len() > limit_bytes {
                return Err(WireError::TooLarge { limit_bytes });
            }
            body.extend_from_slice(&piece);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl Wire for Live {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(self.exchange(request))
    }
}

/// Sorts an error by what may have happened at the far end.
fn classify(host: &str, error: &reqwest::Error) -> WireError {
    // Connecting ends before the first byte of a request; so does building it.
    if error.is_connect() || error.is_builder() {
        return WireError::NotSent { host: host.to_owned(), why: in_words(error) };
    }
    broken(error)
}

fn broken(error: &reqwest::Error) -> WireError {
    WireError::Interrupted { why: in_words(error) }
}

/// The innermost cause, in one line, without the address: addresses can carry names.
fn in_words(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut text = None;
    while let Some(inner) = source {
        text = Some(inner.to_string());
        source = inner.source();
    }
    let text = text.unwrap_or_else(|| if error.is_timeout() { "timed out".into() } else { "failed".into() });
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WHY).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn live(reach: Reach) -> Live {
        Live::new(LiveOptions { max_body: 1_000, ..LiveOptions::new(reach) }).expect("a wire")
    }

    fn request(url: &str) -> Request {
        http::Request::get(url).body(Bytes::new()).expect("test addresses are well formed")
    }

    /// Serves one connection: reads a little, writes `answer`, closes.
    async fn serve(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut buffer = [0_u8; 4_096];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(&answer).await;
            let _ = socket.shutdown().await;
        });
        format!("http://{address}/x")
    }

    async fn answer(bytes: impl Into<Vec<u8>>) -> Result<Response, WireError> {
        live(Reach::Loopback).call(request(&serve(bytes.into()).await)).await
    }

    #[tokio::test]
    async fn answers_and_breaks_are_told_apart() {
        let ok = answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-ms-request-id: a\r\n\r\n{}")
            .await
            .expect("whole");
        assert_eq!((ok.status().as_u16(), ok.body().as_ref()), (200, &b"{}"[..]));
        assert_eq!(ok.headers()["x-ms-request-id"], "a");
        let moved =
            answer("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(moved.expect("no redirect is followed").status().as_u16(), 302);
        for cut in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-len",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
            "nonsense\r\n\r\n",
        ] {
            let error = answer(cut).await.expect_err(cut);
            assert!(matches!(error, WireError::Interrupted { .. }), "{cut:?}: {error}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(1_001));
        assert_eq!(answer(long).await.expect_err("too large"), WireError::TooLarge { limit_bytes: 1_000 });
    }

    #[tokio::test]
    async fn what_never_left_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let closed = listener.local_addr().expect("an address");
        drop(listener);
        for (reach, url) in [
            (Reach::Loopback, format!("http://{closed}/")),
            (Reach::Loopback, "http://192.0.2.1/".to_owned()),
            (Reach::Loopback, "http://localhost:1/".to_owned()),
            (Reach::Loopback, "http://169.254.169.254/".to_owned()),
            (Reach::Loopback, "https://127.0.0.1/".to_owned()),
            (Reach::Identity, "http://192.0.2.1/".to_owned()),
        ] {
            let error = live(reach).call(request(&url)).await.expect_err(&url);
            assert!(error.surely_not_sent(), "{url}: {error}");
        }
        if let Ok(https) = Live::new(LiveOptions::new(Reach::Https)) {
            let error = https.call(request(&format!("http://{closed}/"))).await.expect_err("plain http");
            assert!(error.surely_not_sent(), "{error}");
        }
    }
}

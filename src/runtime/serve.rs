//! The loopback front: puts a [`Wire`], in practice the simulated Azure, behind a socket.
//!
//! It holds no state of its own. A request is turned into a [`Wire::call`], its outcome back into
//! HTTP; a lost reply really loses the connection, and a call that never ends never answers.
//! It listens on 127.0.0.1 and on nothing else, and takes only requests that name a loopback
//! host, so that no web page can reach it through a name of its own.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, State, connect_info::Connected},
    serve::{IncomingStream, Listener},
};
use bytes::Bytes;
use http::{StatusCode, Uri, header, uri::Authority};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

use crate::wire::{Request, Wire, WireError};

/// Largest request body taken, in bytes. ARM itself refuses requests above 4 MB.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// How long calls in flight may finish after a stop; silent ones never would.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Pause after a failed accept (out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Headers that belong to one connection and are not passed on (RFC 9110 §7.6.1).
const HOP_BY_HOP: [header::HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::CONTENT_LENGTH];

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken or not ours to take.
    #[error("could not listen on 127.0.0.1:{port}: {source}; choose another with --port, or 0 for any")]
    Listen {
        /// Port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// SIGINT or SIGTERM could not be caught, so there would be no clean stop.
    #[error("could not listen for signals: {0}")]
    Signals(io::Error),
    /// The accept loop ended.
    #[error("serving on {address} ended: {source}")]
    Ended {
        /// Address that was served.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Serves `wire` on 127.0.0.1:`port` (0: any free one) until SIGINT or SIGTERM.
///
/// `announce` is called once, with the address, when connections are accepted.
pub async fn serve(
    wire: Arc<dyn Wire>,
    port: u16,
    announce: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    serve_until(wire, port, announce, stop).await
}

/// Like [`serve`], until `stop` completes. Calls in flight then have one second to finish.
pub async fn serve_until(
    wire: Arc<dyn Wire>,
    port: u16,
    announce: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| ServeError::Listen { port, source })?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { port, source })?;
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // The receiver lives until serving ends; when it is gone there is nobody left to tell.
        let _ = stopping.send(());
    };
    let router = Router::new().fallback(answer).with_state(wire);
    let serving = axum::serve(Door(listener), router.into_make_service_with_connect_info::<Line>())
        .with_graceful_shutdown(stop);
    announce(address);
    let grace = async {
        if stopped.await.is_ok() {
            tokio::time::sleep(STOP_GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = serving => ended.map_err(|source| ServeError::Ended { address, source }),
        () = grace => Ok(()),
    }
}

/// One exchange: HTTP in, wire call, HTTP out.
async fn answer(
    State(wire): State<Arc<dyn Wire>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let request = match inbound(request).await {
        Ok(request) => request,
        Err((status, code, message)) => return envelope(status, code, &message),
    };
    match wire.call(request).await {
        Ok(response) => outbound(response),
        Err(WireError::Timeout { .. }) => std::future::pending().await,
        Err(WireError::WriteRefused { method, path, why }) => {
            envelope(StatusCode::FORBIDDEN, "WriteRefused", &format!("{method} {path}: {why}"))
        }
        Err(error @ WireError::NotRecorded { .. }) => {
            envelope(StatusCode::NOT_FOUND, "NotRecorded", &error.to_string())
        }
        Err(WireError::NotSent { .. } | WireError::Interrupted { .. } | WireError::TooLarge { .. }) => {
            line.cut();
            envelope(StatusCode::BAD_GATEWAY, "ConnectionCut", "this answer is never sent")
        }
    }
}

type Refusal = (StatusCode, &'static str, String);

/// Makes the absolute-URI request that a [`Wire`] expects.
async fn inbound(request: axum::extract::Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let authority = loopback_host(&parts)?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|why| bad_request("InvalidRequestUri", why.to_string()))?;
    parts.extensions.clear();
    let body = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|why| {
        if declared_length(&parts).is_none_or(|length| length > BODY_LIMIT) {
            let message = format!("request bodies end at {BODY_LIMIT} bytes");
            (StatusCode::PAYLOAD_TOO_LARGE, "RequestContentTooLarge", message)
        } else {
            bad_request("InvalidRequestContent", why.to_string())
        }
    })?;
    Ok(Request::from_parts(parts, body))
}

/// The Host of the request, which must be a loopback address or `localhost`.
fn loopback_host(parts: &http::request::Parts) -> Result<Authority, Refusal> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority: Authority = host
        .parse()
        .map_err(|_| bad_request("InvalidHost", "the Host header is missing or malformed".into()))?;
    let name = authority.host();
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if name.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|address| address.is_loopback()) {
        return Ok(authority);
    }
    let message = format!("{name} is not a loopback host; use the address that was printed at the start");
    Err((StatusCode::MISDIRECTED_REQUEST, "InvalidHost", message))
}

fn declared_length(parts: &http::request::Parts) -> Option<usize> {
    parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn bad_request(code: &'static str, message: String) -> Refusal {
    (StatusCode::BAD_REQUEST, code, message)
}

fn outbound(response: http::Response<Bytes>) -> axum::response::Response {
    let (mut parts, body) = response.into_parts();
    for name in HOP_BY_HOP {
        parts.headers.remove(name);
    }
    axum::response::Response::from_parts(parts, body.into())
}

/// An error in ARM's shape, for what fails before it reaches the wire.
fn envelope(status: StatusCode, code: &str, message: &str) -> axum::response::Response {
    let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
    let mut response = axum::response::Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Accepts connections that can be cut from inside a request.
#[derive(Debug)]
struct Door(TcpListener);

impl Listener for Door {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Cuttable, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Without it small answers may wait 40 ms for an acknowledgement; nothing else
                    // is lost when the system refuses.
                    let _ = stream.set_nodelay(true);
                    return (Cuttable { stream, line: Line::default() }, address);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The handle by which an exchange breaks the connection that it came on.
#[derive(Debug, Clone, Default)]
struct Line(Arc<AtomicBool>);

impl Line {
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn whole(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}

/// A connection that fails every write once its line was cut, which makes the server drop it
/// with the answer unsent.
#[derive(Debug)]
struct Cuttable {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line.whole()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.whole()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.whole()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;
    use crate::wire::Reply;

    /// After this long a condition will not come true any more.
    const FAILURE_LIMIT: Duration = Duration::from_secs(20);

    /// A wire that acts on the last path segment and notes what came.
    #[derive(Debug, Default)]
    struct Echo {
        seen: Mutex<Vec<String>>,
        hung_up: tokio::sync::Notify,
    }

    /// Tells when the call it belongs to is dropped.
    struct Open<'a>(&'a Echo);

    impl Drop for Open<'_> {
        fn drop(&mut self) {
            self.0.hung_up.notify_one();
        }
    }

    impl Wire for Echo {
        fn call(&self, request: Request) -> Reply<'_> {
            let line = format!("{} {} {}", request.method(), request.uri(), request.body().len());
            self.seen.lock().expect("uncontended").push(line.clone());
            let outcome = match request.uri().path().rsplit('/').next().unwrap_or_default() {
                "lost" => Err(WireError::Interrupted { why: "simulated".into() }),
                "silent" => Err(WireError::Timeout { elapsed_ms: 1, limit_ms: 1 }),
                "never" => {
                    let open = Open(self);
                    return Box::pin(async move {
                        let _open = open;
                        std::future::pending().await
                    });
                }
                "refused" => {
                    Err(WireError::WriteRefused { method: "PUT".into(), path: "/".into(), why: "no permit" })
                }
                _ => Ok(http::Response::builder()
                    .status(202)
                    .header("x-seen", "yes")
                    .header("date", "Fri, 20 Nov 2026 11:07:09 GMT")
                    .body(Bytes::from(line))
                    .expect("well formed")),
            };
            Box::pin(std::future::ready(outcome))
        }
    }

    struct Served {
        address: SocketAddr,
        echo: Arc<Echo>,
        stop: Option<oneshot::Sender<()>>,
        task: tokio::task::JoinHandle<Result<(), ServeError>>,
    }

    impl Served {
        async fn start() -> Self {
            let echo = Arc::new(Echo::default());
            let (stop, stopped) = oneshot::channel::<()>();
            let (announce, announced) = oneshot::channel();
            let wire = echo.clone();
            let task = tokio::spawn(async move {
                let announce = move |address| announce.send(address).expect("the test waits for it");
                serve_until(wire, 0, announce, async move { stopped.await.unwrap_or(()) }).await
            });
            let address = announced.await.expect("it listens");
            Self { address, echo, stop: Some(stop), task }
        }

        fn url(&self, path: &str) -> String {
            format!("http://{}{path}", self.address)
        }

        async fn stop(mut self) {
            self.stop.take().expect("stopped once").send(()).expect("it still serves");
            self.task.await.expect("no panic").expect("a clean end");
        }
    }

    fn client() -> reqwest::Client {
        // The provider is process-wide; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only(std::iter::empty())
            .build()
            .expect("a client without roots needs nothing from the system")
    }

    #[tokio::test]
    async fn a_request_crosses_whole_and_its_answer_comes_back() {
        let served = Served::start().await;
        let url = served.url("/Subscriptions/s/thing?api-version=1&$filter=a%20b");
        let answer = client().put(&url).body("{}").send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers().get("x-seen").map(http::HeaderValue::as_bytes), Some(&b"yes"[..]));
        // The world's time, not that of this machine.
        let dates: Vec<_> = answer.headers().get_all(header::DATE).iter().collect();
        assert_eq!(dates, ["Fri, 20 Nov 2026 11:07:09 GMT"]);
        assert_eq!(answer.text().await.expect("a body"), format!("PUT {url} 2"));
        served.stop().await;
    }

    #[tokio::test]
    async fn a_lost_reply_breaks_the_connection() {
        let served = Served::start().await;
        let error = client().put(served.url("/lost")).send().await.expect_err("no answer");
        assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
        let expected = vec![format!("PUT {} 0", served.url("/lost"))];
        assert_eq!(*served.echo.seen.lock().expect("uncontended"), expected);
        let next = client().get(served.url("/thing")).send().await.expect("others are still answered");
        assert_eq!(next.status(), 202);
        served.stop().await;
    }

    #[tokio::test]
    async fn silence_lasts_until_the_client_hangs_up() {
        let served = Served::start().await;
        for path in ["/silent", "/never"] {
            let limit = Duration::from_millis(50);
            let error = client().get(served.url(path)).timeout(limit).send().await.expect_err("silence");
            assert!(error.is_timeout(), "{error:?}");
        }
        let dropped = tokio::time::timeout(FAILURE_LIMIT, served.echo.hung_up.notified()).await;
        dropped.expect("the call ends with the connection");
        served.stop().await;
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_silence() {
        let served = Served::start().await;
        let url = served.url("/never");
        let waiting = tokio::spawn(async move { client().get(url).send().await });
        while served.echo.seen.lock().expect("uncontended").is_empty() {
            tokio::task::yield_now().await;
        }
        served.stop().await;
        waiting.abort();
    }

    #[tokio::test]
    async fn what_is_not_for_us_is_refused_before_the_wire() {
        let served = Served::start().await;
        let long = vec![b'x'; BODY_LIMIT + 1];
        let cases = [
            ("/thing", "evil.example", Vec::new(), 421),
            ("/thing", "192.0.2.7:80", Vec::new(), 421),
            ("/thing", "127.0.0.1", long, 413),
        ];
        for (path, host, body, status) in cases {
            let request = client().put(served.url(path)).header("host", host).body(body);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status, "{host}");
            let text = answer.text().await.expect("a body");
            assert!(text.starts_with(r#"{"error":{"code":""#), "{text}");
        }
        assert!(served.echo.seen.lock().expect("uncontended").is_empty());
        let refused = client().put(served.url("/refused")).send().await.expect("an answer");
        assert_eq!(refused.status(), 403);
        served.stop().await;
    }

    #[tokio::test]
    async fn a_taken_port_is_said_so() {
        let served = Served::start().await;
        let port = served.address.port();
        let wire = Arc::new(Echo::default());
        let error = serve_until(wire, port, |_| {}, std::future::pending()).await.expect_err("taken");
        assert!(error.to_string().starts_with(&format!("could not listen on 127.0.0.1:{port}: ")), "{error}");
        served.stop().await;
    }
}

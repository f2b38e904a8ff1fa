//! The outermost wire: reads pass, writes need a permit.

use std::sync::Arc;

use http::Method;

use super::{Permit, Reply, Request, Wire, WireError};

/// Path endings of POSTs that read. Everything else that is not GET or HEAD is a write.
const READING_POSTS: [&str; 3] =
    ["/providers/microsoft.resourcegraph/resources", "/oauth2/v2.0/token", "/oauth2/v2.0/devicecode"];

/// Wraps the wire of a process so that no write can leave without a [`Permit`].
#[derive(Debug)]
pub struct Guard {
    inner: Arc<dyn Wire>,
}

impl Guard {
    /// Puts the guard in front of `inner`.
    pub fn new(inner: Arc<dyn Wire>) -> Self {
        Self { inner }
    }

    fn check(request: &Request) -> Result<(), WireError> {
        if reads(request) {
            return Ok(());
        }
        let refused = |why| WireError::WriteRefused {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            why,
        };
        match request.extensions().get::<Permit>() {
            None => Err(refused("it carries no permit")),
            Some(permit) => permit.spend(request).map_err(refused),
        }
    }
}

fn reads(request: &Request) -> bool {
    match *request.method() {
        Method::GET | Method::HEAD => true,
        Method::POST => {
            let path = request.uri().path().to_ascii_lowercase();
            READING_POSTS.iter().any(|end| path.ends_with(end))
        }
        _ => false,
    }
}

impl Wire for Guard {
    fn call(&self, request: Request) -> Reply<'_> {
        match Self::check(&request) {
            Ok(()) => self.inner.call(request),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::wire::{Response, body_sha256};

    #[derive(Debug, Default)]
    struct Counting(Mutex<u32>);

    impl Wire for Counting {
        fn call(&self, _: Request) -> Reply<'_> {
            *self.0.lock().expect("no test panics while counting") += 1;
            Box::pin(std::future::ready(Ok(Response::new(Bytes::new()))))
        }
    }

    fn request(method: &str, url: &str, body: &'static str) -> Request {
        http::Request::builder()
            .method(method)
            .uri(url)
            .body(Bytes::from_static(body.as_bytes()))
            .expect("test requests are well formed")
    }

    const URL: &str = "https://management.azure.com/subscriptions/s?api-version=1";

    #[tokio::test]
    async fn only_reads_and_permitted_writes_pass() {
        let reading = [
            ("GET", URL),
            ("HEAD", URL),
            (
                "POST",
                "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=1",
            ),
        ];
        let writing = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let counting = Arc::new(Counting::default());
        let guard = Guard::new(counting.clone());
        for (method, url) in reading {
            guard.call(request(method, url, "")).await.expect("a read passes");
        }
        for method in writing {
            let refusal = guard.call(request(method, URL, "{}")).await.expect_err("no permit");
            assert!(matches!(refusal, WireError::WriteRefused { .. }), "{refusal}");
        }
        assert_eq!(*counting.0.lock().expect("uncontended"), 3);
    }

    #[tokio::test]
    async fn a_permit_fits_one_request_once() {
        let guard = Guard::new(Arc::new(Counting::default()));
        let permit = Permit::mint("PUT", URL, body_sha256(b"{}"));
        let with = |method: &str, url: &str, body: &'static str| {
            let mut request = request(method, url, body);
            request.extensions_mut().insert(permit.clone());
            request
        };
        for misfit in [with("POST", URL, "{}"), with("PUT", "https://other/", "{}"), with("PUT", URL, "{ }")]
        {
            guard.call(misfit).await.expect_err("does not fit");
        }
        guard.call(with("PUT", URL, "{}")).await.expect("the first use passes");
        guard.call(with("PUT", URL, "{}")).await.expect_err("the second does not");
    }
}

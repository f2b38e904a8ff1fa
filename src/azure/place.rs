//! Where this machine is: the Azure Instance Metadata Service tells a virtual machine its region.

use bytes::Bytes;

use crate::{domain::Safe, wire::Wire};

/// The region of the machine by its own metadata service (Azure Instance Metadata Service,
/// api-version 2021-02-01). It answers on a link-local address without credentials, and on Azure
/// machines only.
const LOCATION: &str =
    "http://169.254.169.254/metadata/instance/compute/location?api-version=2021-02-01&format=text";

/// Names of regions are shorter; a captive portal's page is longer.
const NAME_MAX: usize = 40;

/// The region this machine runs in; `None`: not on an Azure machine. `wire` must not use a proxy, and
/// the caller bounds the time: elsewhere than on Azure nothing answers at all.
pub async fn own_region(wire: &dyn Wire) -> Option<Safe> {
    let request = http::Request::get(LOCATION).header("metadata", "true").body(Bytes::new()).ok()?;
    let answer = wire.call(request).await.ok().filter(|answer| answer.status() == http::StatusCode::OK)?;
    let name = std::str::from_utf8(answer.body()).ok()?.trim();
    let plain = name.len() <= NAME_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !name.is_empty()).then(|| Safe::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reply, Request};

    #[derive(Debug)]
    struct Says(u16, &'static str);

    impl Wire for Says {
        fn call(&self, request: Request) -> Reply<'_> {
            assert_eq!(request.uri().to_string(), LOCATION);
            assert_eq!(request.headers()["metadata"], "true");
            assert!(!request.headers().contains_key("authorization"));
            let answer = http::Response::builder().status(self.0).body(Bytes::from_static(self.1.as_bytes()));
            Box::pin(async move { Ok(answer.unwrap()) })
        }
    }

    #[tokio::test]
    async fn only_the_name_of_a_region_is_one() {
        for (status, body, expected) in [
            (200, "westeurope", Some("westeurope")),
            (200, "northeurope\n", Some("northeurope")),
            (200, "", None),
            (200, "<html>sign in</html>", None),
            (200, "west europe", None),
            (404, "westeurope", None),
            (200, "a-name-that-no-region-has-since-it-is-far-too-long", None),
        ] {
            let found = own_region(&Says(status, body)).await;
            assert_eq!(found.as_ref().map(Safe::as_str), expected, "{status} {body}");
        }
    }
}

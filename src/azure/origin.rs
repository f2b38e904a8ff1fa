//! Where requests may go, and the check every address from outside has to pass.
//!
//! A token is attached only to addresses of the one origin that the client was built for.
//! Addresses in answers (next pages, long operations) and in the journal come from outside.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use url::{Host, Url};

use crate::domain::{
    estate::Cloud,
    seeded::{Mistake, planted},
};

/// Longest address we follow, in bytes: skip tokens are long, but not this long.
const MAX_ADDRESS: usize = 16 * 1024;

/// The Azure Resource Manager we talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A known cloud, over https.
    Cloud(Cloud),
    /// A server on this machine, over plain http.
    Loopback(Loopback),
}

/// An origin on this machine: `http://127.0.0.1:8080`, `http://[::1]:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loopback {
    authority: Arc<str>,
}

/// Why an address is not accepted as an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It cannot be read as an address.
    #[error("not an address; write https://management.azure.com or http://127.0.0.1:PORT")]
    Address,
    /// It has more than scheme, host and port.
    #[error("an endpoint is scheme, host and port only; leave out user, path, query and fragment")]
    More,
    /// Plain http to another machine, or to a name.
    #[error("plain http is for loopback literals only: http://127.0.0.1:PORT or http://[::1]:PORT")]
    Plain,
    /// An https host that is no known cloud.
    #[error(
        "not a known cloud: management.azure.com, management.usgovcloudapi.net, management.chinacloudapi.cn"
    )]
    Unknown,
}

/// The clouds whose origins we know.
const CLOUDS: [Cloud; 3] = [Cloud::Public, Cloud::UsGovernment, Cloud::China];

impl Endpoint {
    /// Reads what `--endpoint` was given.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.len() > MAX_ADDRESS || text.bytes().any(|b| b <= b' ' || b >= 0x7f || b == b'\\') {
            return Err(EndpointError::Address);
        }
        let (scheme, rest) = text.split_once("://").ok_or(EndpointError::Address)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() {
            return Err(EndpointError::Address);
        }
        if authority.contains(['/', '?', '#', '@']) {
            return Err(EndpointError::More);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::Address)?;
        match (scheme.to_ascii_lowercase().as_str(), url.host()) {
            ("http", Some(host)) if loopback_literal(&host, authority) => {
                Ok(Self::Loopback(Loopback { authority: Arc::from(authority) }))
            }
            ("http", _) => Err(EndpointError::Plain),
            ("https", Some(Host::Domain(_))) => {
                let bare = authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
                CLOUDS
                    .into_iter()
                    .find(|cloud| cloud.arm_origin().strip_prefix("https://") == Some(bare.as_str()))
                    .map(Self::Cloud)
                    .ok_or(EndpointError::Unknown)
            }
            ("https", _) => Err(EndpointError::Unknown),
            _ => Err(EndpointError::Address),
        }
    }

    /// The origin of the simulator inside this process: nothing listens there.
    pub fn in_process() -> Self {
        Self::Loopback(Loopback { authority: Arc::from("127.0.0.1") })
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        matches!(self, Self::Loopback(_))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(cloud) => f.write_str(cloud.arm_origin()),
            Self::Loopback(loopback) => write!(f, "http://{}", loopback.authority),
        }
    }
}

/// Whether the host is written out as a loopback address; names and short forms are not.
fn loopback_literal(host: &Host<&str>, authority: &str) -> bool {
    let written = match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => authority,
    };
    match host {
        Host::Ipv4(address) => {
            address.is_loopback() && written.parse::<Ipv4Addr>().is_ok_and(|literal| literal == *address)
        }
        Host::Ipv6(address) => {
            let inner = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            address.is_loopback()
                && inner.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok_and(|literal| literal == *address))
        }
        Host::Domain(_) => false,
    }
}

/// The origin of a client: what [`Endpoint`] becomes once requests are made.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    text: Arc<str>,
    url: Url,
    loopback: bool,
}

/// Why an address from outside is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blocked {
    /// Too long.
    #[error("the address is longer than we follow")]
    Long,
    /// Not written as an absolute address in plain characters.
    #[error("the address is not written as an absolute one")]
    Form,
    /// Scheme, host or port differ.
    #[error("the address leads to another origin")]
    Elsewhere,
}

impl Origin {
    /// The origin of an endpoint.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let text = endpoint.to_string();
        let url = Url::parse(&text).expect("endpoints were parsed as addresses before");
        Self { text: Arc::from(text), url, loopback: endpoint.is_loopback() }
    }

    /// Scheme, host and port as they start every address we build.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Takes an address that came from an answer or from the journal, and gives it back in the
    /// one spelling that every parser behind us reads the same way.
    pub(super) fn admit(&self, address: &str) -> Result<String, Blocked> {
        if address.len() > MAX_ADDRESS {
            return Err(Blocked::Long);
        }
        let (scheme, rest) = address.split_once("://").ok_or(Blocked::Form)?;
        if !scheme.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(Blocked::Form);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let plain = |b: u8| (0x21..0x7f).contains(&b) && b != b'\\';
        // A space in a query is what some providers write; it becomes %20 below.
        if !authority.bytes().all(plain) || !path.bytes().all(plain) || query.contains('#') {
            return Err(Blocked::Form);
        }
        if tail.contains('#') || !query.bytes().all(|b| plain(b) || b == b' ') {
            return Err(Blocked::Form);
        }
        let url = Url::parse(address).map_err(|_| Blocked::Form)?;
        let same = url.scheme() == self.url.scheme()
            && url.host() == self.url.host()
            && url.port_or_known_default() == self.url.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none();
        let same = if planted(Mistake::OriginByPrefix) {
            address.starts_with(self.as_str())
        } else {
            same && self.spells(authority)
        };
        if !same {
            return Err(Blocked::Elsewhere);
        }
        Ok(url.into())
    }

    /// Whether the authority is written as ours: no user, no trailing dot, no other notation of
    /// the same address. The default port may be spelled out, as some providers do.
    fn spells(&self, authority: &str) -> bool {
        let ours = self.text.split_once("://").map_or("", |(_, authority)| authority);
        let port = if self.loopback { ":80" } else { ":443" };
        let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
        bare(authority) == bare(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EndpointError::{Address, More, Plain, Unknown};

    const CLOUD: &str = "https://management.azure.com";

    fn origin(text: &str) -> Origin {
        Origin::new(&Endpoint::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    #[test]
    fn nothing_hostile_is_followed() {
        let hostile = crate::azure::hostile::urls();
        assert!(hostile.len() >= 150, "{}", hostile.len());
        let cloud = origin(CLOUD);
        for address in &hostile {
            assert!(cloud.admit(address).is_err(), "{address:?} became {:?}", cloud.admit(address));
        }
        // The same tricks against an origin on this machine.
        for ours in ["127.0.0.1:4711", "[::1]:4711", "127.0.0.1"] {
            let local = origin(&format!("http://{ours}"));
            for address in &hostile {
                let address = address.replace("management.azure.com", ours).replace("https", "http");
                let fine = address.replace(":80/x", "/x") == format!("http://{ours}/x");
                assert!(
                    fine || local.admit(&address).is_err(),
                    "{address:?} became {:?}",
                    local.admit(&address)
                );
            }
            assert!(local.admit("https://management.azure.com/x").is_err(), "{ours}");
            assert!(
                local.admit("http://127.1:4711/x").is_err()
                    && local.admit("http://0x7f000001:4711/x").is_err()
            );
            assert!(
                local.admit("http://[0:0:0:0:0:0:0:1]:4711/x").is_err()
                    && local.admit("http://localhost:4711/x").is_err()
            );
        }
        let long = format!("{CLOUD}/{}", "x".repeat(MAX_ADDRESS));
        assert_eq!(cloud.admit(&long), Err(Blocked::Long));
        assert_eq!(cloud.admit("https://evil.example/x"), Err(Blocked::Elsewhere));
    }

    #[test]
    fn our_own_addresses_pass_in_one_spelling() {
        let check = |ours: &str, address: &str, expected: &str| {
            assert_eq!(origin(ours).admit(address).as_deref(), Ok(expected), "{address}");
        };
        check(
            CLOUD,
            "https://management.azure.com/x?api-version=1&$skipToken=a%20b",
            "https://management.azure.com/x?api-version=1&$skipToken=a%20b",
        );
        check(CLOUD, "https://management.azure.com:443/x", "https://management.azure.com/x");
        check(CLOUD, "HTTPS://Management.Azure.COM/X", "https://management.azure.com/X");
        check(CLOUD, "https://management.azure.com", "https://management.azure.com/");
        check(CLOUD, "https://management.azure.com?x=1", "https://management.azure.com/?x=1");
        check(CLOUD, "https://management.azure.com/a/../b", "https://management.azure.com/b");
        check(
            CLOUD,
            "https://management.azure.com/x?$filter=a ge 'b'",
            "https://management.azure.com/x?$filter=a%20ge%20%27b%27",
        );
        check(
            CLOUD,
            "https://management.azure.com/@evil.example",
            "https://management.azure.com/@evil.example",
        );
        check(
            CLOUD,
            "https://management.azure.com/x?to=https://evil.example/",
            "https://management.azure.com/x?to=https://evil.example/",
        );
        check("http://127.0.0.1:4711", "http://127.0.0.1:4711/x", "http://127.0.0.1:4711/x");
        check("http://127.0.0.1", "http://127.0.0.1:80/x", "http://127.0.0.1/x");
        check("http://[::1]:4711/", "http://[::1]:4711/x", "http://[::1]:4711/x");
    }

    #[test]
    fn endpoints_are_known_clouds_or_loopback_literals() {
        let check = |text: &str, expected: Result<&str, EndpointError>| {
            let parsed = Endpoint::parse(text).map(|endpoint| endpoint.to_string());
            assert_eq!(parsed.as_deref(), expected.as_ref().map(|text| *text), "{text:?}");
        };
        check("https://management.azure.com", Ok(CLOUD));
        check("https://Management.Azure.com:443/", Ok(CLOUD));
        check("https://management.usgovcloudapi.net", Ok("https://management.usgovcloudapi.net"));
        check("https://management.chinacloudapi.cn/", Ok("https://management.chinacloudapi.cn"));
        check("http://127.0.0.1:4711", Ok("http://127.0.0.1:4711"));
        check("http://127.8.9.10:4711/", Ok("http://127.8.9.10:4711"));
        check("http://[::1]:4711", Ok("http://[::1]:4711"));
        check("http://127.0.0.1", Ok("http://127.0.0.1"));
        for text in [
            "",
            "management.azure.com",
            "https://",
            "ftp://127.0.0.1",
            "http://127.0.0.1:99999",
            "http://\\127.0.0.1",
        ] {
            check(text, Err(Address));
        }
        for text in [
            "https://management.azure.com/x",
            "http://127.0.0.1:1/?x",
            "http://u@127.0.0.1",
            "http://127.0.0.1#x",
        ] {
            check(text, Err(More));
        }
        for text in [
            "http://localhost:4711",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.0.0.1",
            "http://192.0.2.1",
            "http://management.azure.com",
            "http://[::ffff:127.0.0.1]:1",
            "http://127.0.0.1.evil.example",
            "http://0.0.0.0:1",
        ] {
            check(text, Err(Plain));
        }
        for text in [
            "https://evil.example",
            "https://127.0.0.1",
            "https://management.azure.com.",
            "https://management.azure.com:444",
            "https://[::1]",
            "https://xn--mnagement-n4a.azure.com",
        ] {
            check(text, Err(Unknown));
        }
        assert!(!EndpointError::Plain.to_string().is_empty());
    }
}

//! What helps whoever has no token that Azure takes: it depends on who should have given it.

/// The login of the Azure CLI, as sentences name it.
pub const AZ: &str = "az login";

/// A managed identity.
pub const MANAGED: &str = "managed identity";

/// A service principal with a secret.
pub const SECRET: &str = "service principal";

/// A service principal with the token of another issuer.
pub const FEDERATED: &str = "workload identity";

/// What is lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A token that is good.
    Token,
    /// A proof that Azure asks for beyond it (claims challenge).
    Proof,
}

/// What a person does where the source of this name lacks it. `farshore login` is never the answer: it asks
/// the same sources.
pub fn of(source: &str, lack: Lack) -> &'static str {
    match (source, lack) {
        (AZ, _) => "run az login",
        (MANAGED, Lack::Token) => "see to the managed identity of this machine",
        (SECRET, Lack::Token) => "see to AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        (FEDERATED, Lack::Token) => "see to AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE",
        (MANAGED, Lack::Proof) => {
            "a managed identity cannot give one: ask who keeps Conditional Access, or start anew as somebody else"
        }
        (SECRET | FEDERATED, Lack::Proof) => {
            "a service principal cannot give one: ask who keeps Conditional Access, or start anew as somebody else"
        }
        _ => "run az login, or set up a managed identity or a service principal",
    }
}

/// What a person does about a reason why there is no token; `None`: it says so itself, or time does.
pub fn about(why: &str) -> Option<&'static str> {
    let says = |words: &str| why.contains(words);
    if says("claims challenge") || says("sign in to that one") || why.starts_with("no token yet") {
        return None;
    }
    if says("the certificate authorities: ") && !says(AZ) {
        return Some("see to SSL_CERT_FILE and SSL_CERT_DIR");
    }
    // Whoever is signed in to az comes before all others; else who was meant is named first.
    let source = if says(AZ) {
        if says("any source") { "" } else { AZ }
    } else {
        let places =
            [MANAGED, SECRET, FEDERATED].into_iter().filter_map(|name| Some((why.find(name)?, name)));
        places.min().map_or("", |(_, name)| name)
    };
    Some(of(source, Lack::Token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advised_is_what_helps_where_the_token_should_come_from() {
        let (az, machine) = ("run az login", "see to the managed identity of this machine");
        let all = "run az login, or set up a managed identity or a service principal";
        let secret = "see to AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";
        for (why, expected) in [
            ("no token from az login: Please run 'az login' to setup account.", Some(az)),
            ("no token from az login in 10 s", Some(az)),
            ("no token from managed identity: 400 invalid_request", Some(machine)),
            ("no token from managed identity in 11 s", Some(machine)),
            ("sign in again: key expired; no token from managed identity: 500", Some(machine)),
            (
                "no token from any source: managed identity: a loopback endpoint takes only tokens of",
                Some(machine),
            ),
            ("no token from service principal: 401 invalid_client; managed identity: 400", Some(secret)),
            ("no token from service principal: 401 invalid_client; az login: signed out", Some(az)),
            (
                "no token from workload identity: AZURE_FEDERATED_TOKEN_FILE is no regular file",
                Some("see to AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE"),
            ),
            ("no token from any source: az login: az is not installed; managed identity: none", Some(all)),
            ("signed out", Some(all)),
            (
                "no token from service principal: the certificate authorities: cannot be read: no https",
                Some("see to SSL_CERT_FILE and SSL_CERT_DIR"),
            ),
            (
                "sign in again: Azure asks for another proof of who you are (claims challenge); run az login",
                None,
            ),
            (
                "token not used: az login signs in to tenant 2, the estate file names 1; sign in to that one",
                None,
            ),
            ("no token yet: its sources are still being asked", None),
        ] {
            assert_eq!(about(why), expected, "{why}");
        }
        for source in [AZ, MANAGED, SECRET, FEDERATED, "another"] {
            for lack in [Lack::Token, Lack::Proof] {
                assert!(!of(source, lack).contains("farshore login"), "{source}");
                assert!(source == AZ || of(source, lack) != of(AZ, lack), "{source}");
            }
        }
    }
}

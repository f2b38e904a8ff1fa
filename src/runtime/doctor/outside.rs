//! What stands between this machine and Azure: the proxy, and who vouches for the far end.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use http::Uri;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    domain::Safe,
    readiness::State,
    runtime::session::{Place, Session},
};

use super::Finding;

/// Which proxy requests to Azure go through.
pub(super) fn proxy(session: &Session) -> Finding {
    match &session.place {
        Place::Live(endpoint) if !endpoint.is_loopback() => named_proxy(|name| env::var(name).ok()),
        Place::Live(_) => Finding::new("proxy", State::Ok, "none to a loopback endpoint", ""),
        Place::Sim(_) => Finding::new("proxy", State::Ok, "none: nothing leaves this process", ""),
    }
}

/// The proxy that the environment names for https, without the password that may stand in it.
pub(super) fn named_proxy(lookup: impl Fn(&str) -> Option<String>) -> Finding {
    const NEXT: &str = "name one such as http://proxy:3128, or none";
    let finding = |state, told: String| Finding::new("proxy", state, told, NEXT);
    let given = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, lookup(name).filter(|v| !v.is_empty())?)))
    };
    let Some((name, address)) = given(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
        return finding(State::Ok, "none".to_owned());
    };
    let uri = address.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).filter(|host| !host.is_empty());
    let whole = |uri: &Uri| uri.port_u16().is_some() || !uri.authority().is_some_and(ends_in_a_port);
    let host = host.filter(|_| uri.as_ref().is_some_and(whole));
    let (Some(uri), Some(host)) = (&uri, host) else {
        return finding(State::Crit, format!("{name} cannot be read: requests go without a proxy"));
    };
    // Without a scheme it is taken for http.
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        let scheme = uri.scheme_str().unwrap_or_default();
        return finding(State::Crit, format!("{name} is of {scheme}, and only http and https proxies work"));
    }
    let host = uri.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let but =
        given(&["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, but)| format!(", but not for {but}"));
    finding(State::Ok, format!("{host}{but}; identity endpoints are asked without it"))
}

/// Whether something stands behind the host, which should be a number.
fn ends_in_a_port(authority: &http::uri::Authority) -> bool {
    !authority.as_str().ends_with(authority.host())
}

/// Whom we trust to vouch for Azure.
pub(super) fn authorities(session: &Session) -> Finding {
    match &session.place {
        Place::Live(endpoint) if !endpoint.is_loopback() => named_authorities(|name| env::var(name).ok()),
        Place::Live(_) | Place::Sim(_) => {
            Finding::new("authorities", State::Ok, "not used: no https here", "")
        }
    }
}

/// Why nobody can be believed over https, where the environment names authorities that vouch for nobody.
pub fn no_authorities() -> Option<Safe> {
    let found = named_authorities(|name| env::var(name).ok());
    (found.state == State::Crit).then(|| Safe::new(&format!("the certificate authorities: {}", found.told)))
}

/// What the environment names in the place of the system's own: it counts alone, also where it holds none.
pub(super) fn named_authorities(lookup: impl Fn(&str) -> Option<String>) -> Finding {
    const NEXT: &str = "let it name PEM certificates, or unset it for the system's own";
    let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let (file, directories) = (given("SSL_CERT_FILE"), given("SSL_CERT_DIR"));
    let mut told = Vec::new();
    let (mut count, mut unread) = (0, false);
    if let Some(file) = &file {
        told.push(format!("SSL_CERT_FILE {file}"));
        match usable(Path::new(file)) {
            Some(found) => count += found,
            None => unread = true,
        }
    }
    if let Some(directories) = &directories {
        told.push(format!("SSL_CERT_DIR {directories}"));
        let files = env::split_paths(directories).flat_map(|directory| listed(&directory));
        count += files.filter_map(|file| usable(&file)).sum::<usize>();
    }
    if told.is_empty() {
        return Finding::new("authorities", State::Ok, "this system's", "");
    }
    let (state, said) = match (count, unread) {
        (0, true) => (State::Crit, "cannot be read: no https".to_owned()),
        (0, false) => (State::Crit, "holds no certificate: no https".to_owned()),
        (_, true) => (State::Warn, format!("{count} certificates; the file cannot be read")),
        (_, false) => (State::Ok, crate::domain::text::counted(count, "certificate")),
    };
    Finding::new("authorities", state, format!("{said} ({})", told.join(", ")), NEXT)
}

fn listed(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// How many certificates of a file can vouch for anybody; `None`: it cannot be read.
fn usable(file: &Path) -> Option<usize> {
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&fs::read(file).ok()?).filter_map(Result::ok).collect();
    Some(RootCertStore::empty().add_parsable_certificates(certificates).0)
}

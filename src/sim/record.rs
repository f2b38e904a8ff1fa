//! From a request to the entry that survives it, and back.

use super::{LedgerEntry, Scenario, SimError, WriteRecord, ask::Ask, ledger::FORMAT, moment::stamp};

/// The parts of a caller's headers that matter.
pub(super) struct Caller<'a> {
    pub(super) correlation: Option<&'a str>,
    pub(super) client_request_id: Option<&'a str>,
    pub(super) echo: bool,
    pub(super) authorized: bool,
}

impl<'a> Caller<'a> {
    pub(super) fn of(headers: &'a http::HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let bearer = text("authorization").is_some_and(|v| {
            v.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) && v.len() > 7
        });
        Self {
            correlation: text("x-ms-correlation-request-id"),
            client_request_id: text("x-ms-client-request-id"),
            echo: text("x-ms-return-client-request-id").is_some_and(|v| v.eq_ignore_ascii_case("true")),
            authorized: bearer,
        }
    }
}

pub(super) fn entry_of(
    ask: &Ask<'_>,
    caller: &Caller<'_>,
    turned_away: Option<u16>,
    answered: Option<u16>,
) -> LedgerEntry {
    let mut path_and_query = ask.path.raw().to_owned();
    if !ask.query.is_empty() {
        path_and_query.push('?');
        path_and_query.push_str(ask.query);
    }
    LedgerEntry::Write {
        at: stamp(ask.now),
        method: ask.verb.as_str().to_owned(),
        path_and_query,
        body: String::from_utf8_lossy(ask.body).into_owned(),
        client_request_id: caller.client_request_id.map(str::to_owned),
        correlation_id: caller.correlation.map(str::to_owned),
        turned_away,
        answered,
    }
}

/// The record of a write before its outcome is known; other entries have none.
pub(super) fn record_of(entry: &LedgerEntry, path: &str) -> Option<WriteRecord> {
    let LedgerEntry::Write { at, method, body, client_request_id, correlation_id, .. } = entry else {
        return None;
    };
    Some(WriteRecord {
        at: *at,
        method: method.clone(),
        path: path.to_owned(),
        body: body.clone(),
        status: None,
        took_effect: false,
        client_request_id: client_request_id.clone(),
        correlation_id: correlation_id.clone(),
    })
}

pub(super) fn fits(first: &LedgerEntry, scenario: &Scenario, wanted: u64) -> Result<(), SimError> {
    let LedgerEntry::Opened { format, scenario_toml, seed, .. } = first else {
        return Err(SimError::Replay { why: "it does not begin with an opened entry".to_owned() });
    };
    let why = if *format != FORMAT {
        format!("it has format {format}, this version reads {FORMAT}")
    } else if *seed != wanted {
        format!("it was made with seed {seed}, not {wanted}")
    } else if scenario_toml != scenario.source() {
        "its scenario is another one".to_owned()
    } else {
        return Ok(());
    };
    Err(SimError::Replay { why })
}

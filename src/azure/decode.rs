//! What the decoders of all providers share.

use serde::{Deserialize, de::DeserializeOwned};

use crate::domain::{ArmId, Listing, Safe};

use super::{
    failure::{Failure, not_json},
    lenient::{self, Lax},
};

/// A resource: what stands at top level, and its properties.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Object<T> {
    #[serde(default)]
    pub(super) id: Lax<ArmId>,
    #[serde(default)]
    pub(super) location: Lax<Safe>,
    pub(super) properties: T,
}

/// Reads the answer to a GET of one object. An answer without properties is none.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<Object<T>, Failure> {
    lenient::from_slice(body).map_err(|error| not_json(body, &error))
}

/// Reads any other answer.
pub(super) fn document<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    lenient::from_slice(body).map_err(|error| not_json(body, &error))
}

/// The end of an id, for messages.
pub(super) fn short(id: &ArmId) -> Safe {
    Safe::new(id.name())
}

/// Puts single answers together into one list: whole only if every one came, and a failure
/// if none did.
pub(super) fn together<'a, T>(
    what: &str,
    answers: impl IntoIterator<Item = (&'a ArmId, Result<T, Failure>)>,
) -> Result<Listing<T>, Failure> {
    let (mut items, mut asked) = (Vec::new(), 0);
    let mut failed: Option<(&ArmId, Failure)> = None;
    for (id, answer) in answers {
        asked += 1;
        match answer {
            Ok(item) => items.push(item),
            Err(failure) => {
                failed.get_or_insert((id, failure));
            }
        }
    }
    match failed {
        None if asked == 0 => Err(Failure::not_checked(format!("no {what} in the estate file"))),
        None => Ok(Listing::whole(items, asked)),
        Some((id, failure)) => {
            let of_subscription = id.name() == id.subscription();
            let why = match of_subscription {
                // A name that is 36 characters long would hide the reason on a small screen.
                true if asked == 1 => failure.why.clone(),
                true => Safe::new(&format!("{}, in subscription {}", failure.why, short(id))),
                false => Safe::new(&format!("{}: {}", short(id), failure.why)),
            };
            if items.is_empty() {
                Err(Failure { why, ..failure })
            } else {
                Ok(Listing::partial(items, asked, why))
            }
        }
    }
}

/// Joins lists that belong together: whole only if every one is, and a failure if none came.
pub(super) fn joined<'a, T>(
    what: &str,
    lists: impl IntoIterator<Item = (&'a ArmId, Result<Listing<T>, Failure>)>,
) -> Result<Listing<T>, Failure> {
    let lists = together(what, lists)?;
    let cut = lists.error().cloned();
    let pieces = lists.into_seen();
    let whole = pieces.into_iter().reduce(Listing::join);
    let whole = whole.ok_or_else(|| Failure::not_checked(format!("no {what} in the estate file")))?;
    Ok(match cut {
        Some(why) => whole.join(Listing::partial(Vec::new(), 0, why)),
        None => whole,
    })
}

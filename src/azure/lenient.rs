//! JSON as Azure really sends it: keys in any case, nulls, numbers as text, fields of another kind.
//!
//! Nothing here makes up a value: what is missing or of another kind reads as *not given*,
//! and the decoder of each object decides what that means.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::StrDeserializer,
    },
};

use crate::domain::{
    ArmId, Safe,
    access::PrincipalId,
    pool::{HostStatus, SessionState},
    time::Timestamp,
};

/// Reads one JSON document; trailing bytes are an error.
pub(super) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(AnyCase(&mut json))?;
    json.end()?;
    Ok(value)
}

/// A scalar that may be missing, null or of another kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lax<T>(pub(super) Option<T>);

impl<T> Default for Lax<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A list that may be missing or null. An element that cannot be read is an error.
#[derive(Debug, Clone)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|list| Self(list.unwrap_or_default()))
    }
}

/// What a scalar can be read from.
pub(super) trait Scalar: Sized {
    /// From a JSON string.
    fn of_text(text: &str) -> Option<Self>;

    /// From a JSON number or boolean; by default through its text.
    fn of_plain(text: &str) -> Option<Self> {
        Self::of_text(text)
    }
}

impl Scalar for Safe {
    fn of_text(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

impl Scalar for String {
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Scalar for u32 {
    fn of_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Scalar for u64 {
    fn of_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Scalar for bool {
    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.len() {
            4 if text.eq_ignore_ascii_case("true") => Some(true),
            5 if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

impl Scalar for ArmId {
    fn of_text(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Scalar for PrincipalId {
    fn of_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Scalar for HostStatus {
    fn of_text(text: &str) -> Option<Self> {
        const WORDS: [&str; 5] = ["Available", "NeedsAssistance", "Shutdown", "Unavailable", "NoHeartbeat"];
        let known = WORDS.iter().find(|word| word.eq_ignore_ascii_case(text));
        Some(Self::parse(known.copied().unwrap_or(text)))
    }
}

impl Scalar for SessionState {
    fn of_text(text: &str) -> Option<Self> {
        let known = ["Active", "Disconnected"].iter().find(|word| word.eq_ignore_ascii_case(text)).copied();
        Some(Self::parse(known.unwrap_or(text)))
    }
}

impl Scalar for Timestamp {
    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(at) = text.parse() {
            return Some(at);
        }
        // Some providers leave the zone out (and mean UTC), some write dates as mail does.
        if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
            return civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        }
        jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Lax<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(std::marker::PhantomData<T>);

        impl<'de, T: Scalar> Visitor<'de> for Any<T> {
            type Value = Lax<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Lax(T::of_text(text)))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Lax(T::of_plain(if value { "true" } else { "false" })))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Lax(plain(value)))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Lax(plain(value)))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                // `12.0` is twelve; `12.5` is no count of anything.
                Ok(Lax(plain(value)))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Lax(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Lax(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Lax(None))
            }
        }

        deserializer.deserialize_any(Any(std::marker::PhantomData))
    }
}

/// A number through its text, without the heap: what asks for a number gets it back by parsing.
fn plain<T: Scalar>(value: impl fmt::Display) -> Option<T> {
    use std::io::Write;
    let mut buffer = [0_u8; 40];
    let mut rest = &mut buffer[..];
    write!(rest, "{value}").ok()?;
    let left = rest.len();
    let used = buffer.len() - left;
    T::of_plain(std::str::from_utf8(&buffer[..used]).ok()?)
}

/// A deserializer under which the fields of structs are found without regard to case.
struct AnyCase<D>(D);

/// Hands what it sees on to `inner`, with everything nested below [`AnyCase`] again.
struct Below<V> {
    inner: V,
    fields: &'static [&'static str],
}

macro_rules! hand_on {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Below { inner: visitor, fields: &[] })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AnyCase<D> {
    type Error = D::Error;

    hand_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map deserialize_identifier
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // Raw values are kept as they stand: serde_json knows them by this call.
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Below { inner: visitor, fields: &[] })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Below { inner: visitor, fields: &[] })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Below { inner: visitor, fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Below<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.inner.visit_bool(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.inner.visit_i64(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.inner.visit_u64(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        self.inner.visit_f64(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<V::Value, E> {
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<V::Value, E> {
        self.inner.visit_string(text)
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(AnyCase(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(AnyCase(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        if !self.fields.is_empty() {
            // Structs would read a list by position: no object of Azure's is one.
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self.inner));
        }
        self.inner.visit_seq(Access { inner: seq, fields: &[] })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Access { inner: map, fields: self.fields })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(data)
    }
}

struct Access<A> {
    inner: A,
    fields: &'static [&'static str],
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Access<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Access<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(Key { seed, fields: self.fields })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Seed(seed))
    }
}

struct Seed<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(AnyCase(deserializer))
    }
}

/// Gives a key to the struct in the spelling that the struct knows.
struct Key<S> {
    seed: S,
    fields: &'static [&'static str],
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        if self.fields.is_empty() {
            return self.seed.deserialize(deserializer);
        }
        deserializer.deserialize_str(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Key<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<S::Value, E> {
        let known = self.fields.iter().find(|field| field.eq_ignore_ascii_case(key)).copied();
        let spelled: StrDeserializer<'_, E> = known.unwrap_or(key).into_deserializer();
        self.seed.deserialize(spelled)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Host {
        allow_new_session: Lax<bool>,
        sessions: Lax<u32>,
        resource_id: Lax<ArmId>,
        last_heart_beat: Lax<Timestamp>,
        status: Lax<HostStatus>,
        checks: List<Check>,
        inner: Option<Box<Host>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Check {
        health_check_name: Lax<Safe>,
    }

    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }

    fn check(json: &str, sessions: Option<u32>, accepts: Option<bool>) {
        let host: Host = from_slice(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!((host.sessions.0, host.allow_new_session.0), (sessions, accepts), "{json}");
    }

    #[test]
    fn oddities_read_as_their_value_or_as_not_given() {
        check("{}", None, None);
        check(r#"{"sessions":5,"allowNewSession":true}"#, Some(5), Some(true));
        check(r#"{"SESSIONS":"7","AllowNewSession":"False"}"#, Some(7), Some(false));
        check(r#"{"sessions":null,"allownewsession":null,"extra":{"deep":[1,{"x":null}]}}"#, None, None);
        check(r#"{"sessions":-1,"allowNewSession":1}"#, None, None);
        check(r#"{"sessions":5.0,"allowNewSession":"yes"}"#, Some(5), None);
        check(r#"{"sessions":5.5,"allowNewSession":[]}"#, None, None);
        check(r#"{"sessions":{"count":3},"allowNewSession":{"value":true}}"#, None, None);
        check(r#"{"sessions":99999999999}"#, None, None);
    }

    #[test]
    fn nesting_keeps_the_leniency() {
        let json = r#"{"INNER":{"Sessions":"3","Checks":[{"HEALTHCHECKNAME":"Domain"}]},"checks":null}"#;
        let host: Host = from_slice(json.as_bytes()).unwrap();
        let inner = host.inner.expect("inner");
        assert_eq!(inner.sessions.0, Some(3));
        assert_eq!(inner.checks.0[0].health_check_name.0.as_ref().map(Safe::as_str), Some("Domain"));
        assert!(host.checks.0.is_empty());
    }

    #[test]
    fn words_and_times_are_read_in_any_spelling() {
        let json = r#"{"status":"AVAILABLE","lastHeartBeat":"2026-11-20T09:41:12.37","resourceId":"x"}"#;
        let host: Host = from_slice(json.as_bytes()).unwrap();
        assert_eq!(host.status.0, Some(HostStatus::Available));
        assert_eq!(host.last_heart_beat.0, Some("2026-11-20T09:41:12.37Z".parse().unwrap()));
        assert!(host.resource_id.0.is_none());
        for (text, expected) in [
            ("Fri, 20 Nov 2026 09:00:00 GMT", Some("2026-11-20T09:00:00Z")),
            ("2026-11-20T09:00:00+02:00", Some("2026-11-20T07:00:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let expected: Option<Timestamp> = expected.map(|text| text.parse().unwrap());
            assert_eq!(Timestamp::of_text(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_an_error_and_raw_values_stay() {
        for text in ["", "<html>", "{", "{}x", "[1", "[]", "[true,5]", "\"text\"", "null", "7"] {
            assert!(from_slice::<Host>(text.as_bytes()).is_err(), "{text}");
        }
        let page: Page<'_> = from_slice(br#"{"VALUE":[{"A":1}, "x"]}"#).unwrap();
        assert_eq!(page.value.iter().map(|raw| raw.get()).collect::<Vec<_>>(), [r#"{"A":1}"#, "\"x\""]);
    }
}

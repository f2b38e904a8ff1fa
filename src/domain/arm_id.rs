//! Azure Resource Manager ids, parsed once and compared as Azure compares them.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A full resource id such as `/subscriptions/…/resourceGroups/…/providers/…/hostPools/hp`.
///
/// Two ids are equal when they are equal segment by segment without regard to case: Azure
/// answers the same id in several spellings. The spelling that came first is kept for the eye.
#[derive(Clone)]
pub struct ArmId {
    /// The id as spelled and the same in lower case behind it, in one allocation: both are equally long.
    both: Arc<str>,
}

/// Why a text is not a resource id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmIdError {
    /// The first segment is neither `subscriptions` nor `providers`.
    #[error("a resource id starts with /subscriptions/")]
    Start,
    /// A segment is empty, or the id has a name without a value.
    #[error("segment {0} is missing or empty")]
    Segment(usize),
    /// A segment holds a character no resource name may have.
    #[error("segment {0} holds a character that no resource name may have")]
    Character(usize),
    /// Longer than [`MAX_LENGTH`].
    #[error("longer than {MAX_LENGTH} characters")]
    Long,
}

/// Longest id we accept, in bytes. Azure's own limit for one URL is 2,083 characters.
pub const MAX_LENGTH: usize = 2_048;

impl ArmId {
    /// Parses a full id; the text must begin with `/subscriptions/`.
    pub fn parse(text: &str) -> Result<Self, ArmIdError> {
        Self::parse_below(text, &["subscriptions"])
    }

    /// Parses an id or a scope that may also lie above subscriptions: a management group, or
    /// `/`, the tenant's root. Role assignments and locks are inherited from there.
    pub fn parse_scope(text: &str) -> Result<Self, ArmIdError> {
        if text == "/" {
            return Ok(Self::trusted(text));
        }
        Self::parse_below(text, &["subscriptions", "providers"])
    }

    fn parse_below(text: &str, starts: &[&str]) -> Result<Self, ArmIdError> {
        if text.len() > MAX_LENGTH {
            return Err(ArmIdError::Long);
        }
        let trimmed = text.trim_end_matches('/');
        let rest = trimmed.strip_prefix('/').ok_or(ArmIdError::Start)?;
        let mut count = 0;
        for segment in rest.split('/') {
            count += 1;
            if count == 1 && !starts.iter().any(|start| segment.eq_ignore_ascii_case(start)) {
                return Err(ArmIdError::Start);
            }
            if segment.is_empty() || segment == "." || segment == ".." {
                return Err(ArmIdError::Segment(count));
            }
            if !segment.bytes().all(plain) && !segment.chars().all(allowed) {
                return Err(ArmIdError::Character(count));
            }
        }
        if count < 2 {
            return Err(ArmIdError::Segment(2));
        }
        Ok(Self::trusted(trimmed))
    }

    /// Builds from a text that is known to be well formed.
    fn trusted(text: &str) -> Self {
        let mut both = String::with_capacity(2 * text.len());
        both.push_str(text);
        both.push_str(text);
        both[text.len()..].make_ascii_lowercase();
        Self { both: Arc::from(both) }
    }

    /// The id as it was first spelled.
    pub fn as_str(&self) -> &str {
        &self.both[..self.both.len() / 2]
    }

    /// The id in lower case: what equality, order and hashing look at.
    pub fn key(&self) -> &str {
        &self.both[self.both.len() / 2..]
    }

    /// The last segment: the object's own name.
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The subscription's GUID, lower case.
    pub fn subscription(&self) -> &str {
        self.key().split('/').nth(2).unwrap_or_default()
    }

    /// The resource group's name as spelled, where the id has one.
    pub fn resource_group(&self) -> Option<&str> {
        let mut segments = self.as_str().split('/').skip(3);
        match segments.next() {
            Some(word) if word.eq_ignore_ascii_case("resourcegroups") => segments.next(),
            _ => None,
        }
    }

    /// The id of the resource group the object lives in.
    pub fn group_id(&self) -> Option<Self> {
        let group = self.resource_group()?;
        Some(Self::trusted(&format!("/subscriptions/{}/resourceGroups/{group}", self.subscription())))
    }

    /// The id of the subscription.
    #[must_use]
    pub fn subscription_id(&self) -> Self {
        Self::trusted(&format!("/subscriptions/{}", self.subscription()))
    }

    /// The resource type, lower case, such as `microsoft.compute/virtualmachines`.
    pub fn kind(&self) -> Option<String> {
        let at = self.key().rfind("/providers/")?;
        let mut segments = self.key()[at + "/providers/".len()..].split('/');
        let mut kind = segments.next()?.to_owned();
        while let Some(word) = segments.next() {
            kind.push('/');
            kind.push_str(word);
            segments.next();
        }
        Some(kind)
    }

    /// The id of the object this one is a child of: the last type and name are taken off.
    pub fn parent(&self) -> Option<Self> {
        self.parent_key().map(|key| Self::trusted(&self.as_str()[..key.len()]))
    }

    /// [`key`](Self::key) of [`parent`](Self::parent), for sets of borrowed keys.
    pub fn parent_key(&self) -> Option<&str> {
        let (front, _) = self.key().rsplit_once('/')?;
        let (front, _) = front.rsplit_once('/')?;
        (front.matches('/').count() >= 2).then_some(front)
    }

    /// The id of a child, or of an extension when `path` begins with `providers/`.
    #[must_use]
    pub fn child(&self, path: &str) -> Self {
        Self::trusted(&format!("{self}/{path}"))
    }

    /// Whether `other` is this object or lies below it. The tenant's root covers everything;
    /// what a management group covers cannot be seen from ids.
    pub fn covers(&self, other: &Self) -> bool {
        if self.key() == "/" {
            return true;
        }
        other.key().strip_prefix(self.key()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The characters most ids are made of, for speed: a refresh of a large estate reads 100,000 ids.
fn plain(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

/// Characters seen in resource names, ids and role assignment names; nothing that could
/// change the meaning of a URL.
fn allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.()@ :".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ArmId {}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(other.key())
    }
}

impl fmt::Debug for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ArmId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ArmId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "/subscriptions/S1/resourceGroups/rg-We/providers/Microsoft.DesktopVirtualization/hostPools/hp/sessionHosts/h1.contoso.example";

    #[test]
    fn spelling_does_not_matter_but_segments_do() {
        let id = ArmId::parse(HOST).unwrap();
        assert_eq!(
            id,
            ArmId::parse(&HOST.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")).unwrap()
        );
        assert_ne!(id, ArmId::parse(&HOST.replace("h1", "h10")).unwrap());
        assert_eq!(id.name(), "h1.contoso.example");
        assert_eq!(id.resource_group(), Some("rg-We"));
        assert_eq!(id.kind().as_deref(), Some("microsoft.desktopvirtualization/hostpools/sessionhosts"));
        assert_eq!(id.parent().unwrap().name(), "hp");
        assert!(id.group_id().unwrap().covers(&id));
        assert!(!ArmId::parse("/subscriptions/S1/resourceGroups/rg").unwrap().covers(&id));
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_reason() {
        let cases = [
            ("", ArmIdError::Start),
            ("subscriptions/s", ArmIdError::Start),
            ("/resourceGroups/rg", ArmIdError::Start),
            ("/subscriptions", ArmIdError::Segment(2)),
            ("/subscriptions//x", ArmIdError::Segment(2)),
            ("/subscriptions/s/../t", ArmIdError::Segment(3)),
            ("/subscriptions/s?x=1", ArmIdError::Character(2)),
            ("/subscriptions/s%2f", ArmIdError::Character(2)),
            ("/subscriptions/s\u{202e}", ArmIdError::Character(2)),
        ];
        for (text, expected) in cases {
            assert_eq!(ArmId::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn scopes_above_subscriptions_are_read_where_they_may_stand() {
        let group = "/providers/Microsoft.Management/managementGroups/mg-contoso";
        assert_eq!(ArmId::parse(group), Err(ArmIdError::Start));
        assert_eq!(ArmId::parse("/"), Err(ArmIdError::Start));
        assert_eq!(ArmId::parse_scope(group).unwrap().name(), "mg-contoso");
        assert!(ArmId::parse_scope("/").unwrap().covers(&ArmId::parse(HOST).unwrap()));
        assert_eq!(ArmId::parse_scope(HOST).unwrap(), ArmId::parse(HOST).unwrap());
        for text in ["", "//", "/providers", "/providers/../x", "/tenants/x"] {
            assert!(ArmId::parse_scope(text).is_err(), "{text:?}");
        }
    }
}

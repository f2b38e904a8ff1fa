//! Only tokens of the estate's own tenant.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::Safe;

use super::{Bearer, Challenge, Identity, TokenError, TokenSource, TokenStatus};

/// A source whose tokens are used only where they are of one tenant. An opaque token tells none; it is used
/// on this machine only, where there is no tenant to harm.
#[derive(Debug)]
pub struct Pinned {
    source: Arc<dyn TokenSource>,
    tenant: Safe,
}

impl Pinned {
    /// The tokens of `source` that are of `tenant`.
    pub fn new(source: Arc<dyn TokenSource>, tenant: &str) -> Self {
        Self { source, tenant: Safe::new(tenant) }
    }
}

/// Refuses a token of another tenant.
pub(super) fn of_tenant(
    bearer: Bearer,
    pinned: &Safe,
    source_name: &'static str,
) -> Result<Bearer, TokenError> {
    match &bearer.identity {
        Identity::Named { tenant: is, .. } if !is.as_str().eq_ignore_ascii_case(pinned.as_str()) => {
            Err(TokenError::Tenant { source_name, is: is.clone(), pinned: pinned.clone() })
        }
        _ => Ok(bearer),
    }
}

impl TokenSource for Pinned {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(async move {
            let bearer = self.source.bearer().await?;
            of_tenant(bearer, &self.tenant, self.source.describe().source)
        })
    }

    fn describe(&self) -> TokenStatus {
        self.source.describe()
    }

    fn challenged(&self, how: Challenge) {
        self.source.challenged(how);
    }

    fn is_set_up(&self) -> bool {
        self.source.is_set_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::tokens::{Fixed, Issuer, Secret, jwt::tests::token};

    #[tokio::test]
    async fn tokens_of_another_tenant_and_of_none_are_refused() {
        let pinned = "11111111-1111-4111-8111-111111111111";
        let jwt = |claims: &str| token(claims);
        for (text, passes) in [
            (jwt(r#"{"oid":"o","tid":"11111111-1111-4111-8111-111111111111"}"#), true),
            (jwt(r#"{"oid":"o","tid":"11111111-1111-4111-8111-11111111111A"}"#), false),
            (jwt(r#"{"oid":"o","tid":"22222222-2222-4222-8222-222222222222"}"#), false),
            (jwt(r#"{"oid":"o"}"#), false),
            ("opaque".to_owned(), true),
        ] {
            let bearer = Bearer::new(&Secret::new(text.as_str()), Issuer::Loopback, None).unwrap();
            let source = Pinned::new(Arc::new(Fixed::new(bearer, "desk")), &pinned.to_uppercase());
            let got = source.bearer().await;
            assert_eq!(got.is_ok(), passes, "{text}: {got:?}");
            if let Err(error) = got {
                assert!(error.to_string().contains("desk signs in to tenant"), "{error}");
            }
        }
    }
}

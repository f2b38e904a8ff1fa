//! Microsoft.Resources: to whom a subscription belongs.

use serde::Deserialize;

use crate::domain::{ArmId, Safe};

use super::{
    client::{Client, Visit},
    decode::document,
    failure::Failure,
    lenient::Lax,
    version::Api,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Subscription {
    tenant_id: Lax<Safe>,
}

/// The tenant of a subscription.
pub(super) async fn tenant_of(client: &Client, visit: &Visit, id: &ArmId) -> Result<Safe, Failure> {
    let body = client.get(visit, Api::Subscriptions, id, "", "").await?;
    let found: Subscription = document(&body)?;
    found.tenant_id.0.ok_or_else(|| Failure::garbled("the subscription does not say of which tenant it is"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Script, azure, estate, ok, status},
        domain::reading::SilenceKind,
    };

    #[tokio::test(start_paused = true)]
    async fn the_tenant_is_what_azure_says_and_nothing_else() {
        let subscription = estate().subscriptions().remove(0);
        for (say, expected) in [
            (ok(r#"{"tenantId":"t","subscriptionId":"s"}"#), Ok("t")),
            (ok(r#"{"subscriptionId":"s"}"#), Err(SilenceKind::Garbled)),
            (ok("<html>"), Err(SilenceKind::Garbled)),
            (status(404, r#"{"error":{"code":"SubscriptionNotFound"}}"#), Err(SilenceKind::Absent)),
            (status(403, ""), Err(SilenceKind::Denied)),
        ] {
            let script = Script::new(&[("", &[say])]);
            let found = azure(&script).tenant_of(&subscription).await;
            assert_eq!(found.as_ref().map(Safe::as_str).map_err(|silence| silence.kind), expected);
            let sent = script.sent();
            assert!(
                sent[0]
                    .contains("/subscriptions/5b5b5b5b-0000-4000-8000-000000000001?api-version=2022-12-01"),
                "{sent:?}"
            );
        }
    }
}

//! Microsoft.Storage: the accounts that hold profiles.

use futures_util::future::join_all;
use serde::Deserialize;

use crate::domain::{ArmId, Listing, Safe, storage::StorageAccount};

use super::{
    client::{Client, Visit},
    decode::{document, together},
    failure::Failure,
    lenient::Lax,
    version::Api,
};

#[derive(Deserialize)]
struct AccountItem {
    #[serde(default)]
    sku: Option<SkuDto>,
    properties: AccountDto,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SkuDto {
    name: Lax<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AccountDto {
    primary_location: Lax<Safe>,
    status_of_primary: Lax<Safe>,
    provisioning_state: Lax<Safe>,
}

/// Storage accounts, one GET each.
pub(super) async fn accounts(
    client: &Client,
    visit: &Visit,
    ids: &[ArmId],
) -> Result<Listing<StorageAccount>, Failure> {
    let one = async |id: &ArmId| {
        let item: AccountItem = document(&client.get(visit, Api::Storage, id, "", "").await?)?;
        let given = |word: Lax<Safe>| word.0.unwrap_or_else(|| Safe::new("not given"));
        Ok(StorageAccount {
            id: id.clone(),
            primary_location: given(item.properties.primary_location),
            primary_status: given(item.properties.status_of_primary),
            sku: given(item.sku.unwrap_or_default().name),
            provisioning: given(item.properties.provisioning_state),
        })
    };
    let answers = join_all(ids.iter().map(one)).await;
    together("storage accounts", ids.iter().zip(answers))
}

//! Sections the format knows and this version does not build yet.

use super::section::Section;

/// Keys of later sections, each accepted in the file and in a `[[service]]`. What stands below
/// them is not looked at: the version that builds a section also settles its keys.
const LATER: [&str; 13] = [
    "profile_stores",
    "app_attach",
    "vaults",
    "recovery_plans",
    "traffic",
    "images",
    "reservations",
    "backup",
    "log_workspace",
    "rds",
    "identity",
    "guardrails",
    "change_windows",
];

/// Keys of `[api_versions]` for what those sections will ask for.
pub(super) const API_VERSIONS: [&str; 7] = [
    "Microsoft.RecoveryServices",
    "Microsoft.NetApp",
    "Microsoft.Network",
    "Microsoft.Network/trafficManagerProfiles",
    "Microsoft.AAD",
    "Microsoft.Compute/skus",
    "Microsoft.Compute/galleries",
];

/// Accepts the later sections of `section` and adds them to `list` in words.
pub(super) fn accept(section: &mut Section<'_>, service: Option<&str>, list: &mut Vec<String>) {
    for key in LATER {
        if section.take(key).is_some() {
            list.push(match service {
                Some(service) => format!("{key} of service {service}"),
                None => key.to_owned(),
            });
        }
    }
}

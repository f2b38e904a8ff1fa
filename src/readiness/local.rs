//! Checks over what only this process knows: its place, its lock, its runs, profile reports.

use crate::domain::{
    health::same_region,
    text::counted,
    time::{Span, minutes, span_text},
};

use super::{
    FslogixReport, State,
    context::{Context, Finding},
};

/// A failover that ended less than this ago may still be settling (procedures A-p9).
const JUST_ENDED: Span = minutes(60);

/// A profile report older than this says nothing about now: images change daily at most.
const REPORT_LIMIT: Span = minutes(24 * 60);

/// A-p8.
pub(super) fn own_place(context: &Context<'_>) -> Finding {
    let left = &context.estate.regions[context.active];
    match &context.facts.own_region {
        None => Finding::not_configured("not on an Azure machine, or not checked"),
        Some(own) if same_region(own.as_str(), &left.azure) => {
            Finding::warn(format!("this machine runs in {}", left.display()))
        }
        Some(own) => Finding::ok(format!("this machine runs in {own}")),
    }
}

/// A-p9.
pub(super) fn nobody_else(context: &Context<'_>) -> Finding {
    let mut complaints = Vec::new();
    if let Some(holder) = &context.facts.lock {
        complaints.push((State::Warn, format!("the lock is held by {holder}")));
    }
    for (_, run) in context.facts.open_runs.iter().filter(|(service, _)| *service == context.service().name) {
        complaints.push((State::Warn, format!("{run} is open: `farshore resume {run}` goes on with it")));
    }
    if let Some(ended) = context.facts.last_run_ended {
        let ago = context.now.duration_since(ended);
        if ago < JUST_ENDED {
            complaints.push((State::Warn, format!("a run ended {} ago", span_text(ago))));
        }
    }
    Finding::worst(&complaints, "no other run")
}

/// G16.
pub(super) fn profile_settings(context: &Context<'_>) -> Finding {
    let hosts = context.hosts(context.standby);
    let reports: Vec<(&str, &FslogixReport)> = hosts
        .iter()
        .filter_map(|host| Some((host.short_name(), context.facts.fslogix.get(host.vm.as_ref()?)?)))
        .filter(|(_, report)| context.now.duration_since(report.at) <= REPORT_LIMIT)
        .collect();
    if reports.is_empty() {
        if let Some(finding) = typed_profile(context) {
            return finding;
        }
        return if context.estate.policy.allow_run_command {
            Finding::unknown("no standby host has been probed yet")
        } else {
            Finding::not_configured("not checked: run command off")
        };
    }
    let mut complaints = Vec::new();
    let unread = hosts.len() - reports.len();
    if unread > 0 {
        complaints.push((State::Unknown, format!("{} not probed", counted(unread, "host"))));
    }
    for (host, report) in &reports {
        judge_report(context, host, report, &mut complaints);
    }
    Finding::worst(&complaints, format!("{} as expected", counted(reports.len(), "host")))
}

/// What a person saw on one host of the standby. It tells the type; locations and providers stay
/// unknown.
fn typed_profile(context: &Context<'_>) -> Option<Finding> {
    let typed = context.facts.typed_profiles.get(&context.service().name)?;
    let age = context.now.duration_since(typed.at);
    if age > REPORT_LIMIT {
        return None;
    }
    let seen = format!("ProfileType {}, typed {} ago", typed.profile_type, span_text(age));
    Some(match typed.profile_type.as_str() {
        "0" => Finding::warn(format!("{seen}; locations and providers are not known")),
        _ => Finding::crit(seen),
    })
}

fn judge_report(
    context: &Context<'_>,
    host: &str,
    report: &FslogixReport,
    complaints: &mut Vec<(State, String)>,
) {
    match report.profile_type {
        Some(0) => {}
        Some(kind) => complaints.push((State::Crit, format!("{host}: ProfileType is {kind}"))),
        None => complaints.push((State::Unknown, format!("{host}: ProfileType is not known"))),
    }
    let accounts = &context.service().sides[context.standby].accounts;
    let code = context.code(context.standby);
    match report.locations.first() {
        None => complaints.push((State::Unknown, format!("{host}: CCDLocations are not known"))),
        Some(first) => {
            let first = first.as_str().to_ascii_lowercase();
            if !accounts.iter().any(|account| first.contains(&account.name().to_ascii_lowercase())) {
                complaints
                    .push((State::Warn, format!("{host}: the first location is not a share of {code}")));
            }
        }
    }
    match report.required_for_register {
        Some(0) => complaints.push((
            State::Warn,
            format!("{host}: HealthyProvidersRequiredForRegister is 0, users get in without a profile"),
        )),
        Some(_) => {}
        None => complaints
            .push((State::Warn, format!("{host}: HealthyProvidersRequiredForRegister is not known"))),
    }
    if report.required_for_unregister.is_none() {
        let text = format!("{host}: HealthyProvidersRequiredForUnregister is not known");
        complaints.push((State::Warn, text));
    }
}

//! The estate file as people write it, and as they should not.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Side,
    estate::{Cloud, Layout, ServiceKind},
    time::{minutes, seconds},
};

/// A file with every section this version reads. `{…}` are filled by [`filled`].
const FULL: &str = r#"format = 1
name = "contoso-avd"
cloud = "public"
tenant = "11111111-1111-4111-8111-111111111111"

[regions]
primary   = { azure = "westeurope",  code = "WE" }
secondary = { azure = "northeurope", code = "NE" }

[[service]]
name = "hr"
kind = "avd-pooled"
layout = "active-passive"
class = "critical"
capacity_percent = 100
primary   = { pool = "{avd-we}hostPools/hp-hr-we", workspace = "{avd-we}workspaces/ws-we", scaling_plan = "{avd-we}scalingPlans/sp-we" }
secondary = { pool = "{avd-ne}hostPools/hp-hr-ne", workspace = "{avd-ne}workspaces/ws-ne", scaling_plan = "{avd-ne}scalingPlans/sp-ne" }
profiles  = { primary = { profile = "{sa}prwe", office = "{sa}ofwe" }, secondary = { profile = "{sa}prne", office = "{sa}prne" } }

[[service.application_group]]
code = "DAG1"
primary = "{avd-we}applicationGroups/dag1-we"
secondary = "{avd-ne}applicationGroups/dag1-ne"
principals = [ { name = "GRP1", id = "4C4C4C4C-0000-4000-8000-00000000E001", type = "Group" } ]

[[service.exception]]
principal = "4c4c4c4c-0000-4000-8000-00000000e0ff"
reason = "helpdesk, inherited at resource group"

[directory]
primary   = ["{vm}dc-we-1", "{vm}dc-we-2"]
secondary = ["{vm}dc-ne-1"]

[policy]
rto = "2h"
rpo = "15m"
source = "BIA 2026-03"
notice = "10m"
allow_run_command = false

[api_versions]
"Microsoft.Compute" = "2024-03-01"

[simulated]
epoch = "2026-11-20T08:00:00Z"
speed = 10
anchor = 2026-11-20T09:30:00Z
"#;

fn filled(text: &str) -> String {
    let at = |group: &str, provider: &str| {
        let subscription = "22222222-2222-4222-8222-222222222222";
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/")
    };
    text.replace("{avd-we}", &at("rg-we", "Microsoft.DesktopVirtualization"))
        .replace("{avd-ne}", &at("rg-ne", "Microsoft.DesktopVirtualization"))
        .replace("{sa}", &at("rg-data", "Microsoft.Storage/storageAccounts"))
        .replace("{vm}", &at("rg-dc", "Microsoft.Compute/virtualMachines"))
}

fn full() -> String {
    filled(FULL)
}

/// Replaces `from` (which must be there) and returns what is said about the file.
fn check(from: &str, to: &str) -> String {
    let text = FULL.replacen(from, to, 1);
    assert_ne!(text, FULL, "{from:?} is not in the file");
    match parse(&filled(&text), "estate.toml") {
        Ok(_) => "fine".to_owned(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn the_whole_file_becomes_an_estate() {
    let text = full();
    let estate = parse(&text, "estate.toml").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(estate.name, "contoso-avd");
    assert_eq!(estate.cloud, Cloud::Public);
    assert_eq!(estate.regions[Side::Secondary].code, "NE");
    let hr = &estate.services[0];
    assert_eq!((hr.kind, hr.layout), (ServiceKind::AvdPooled, Layout::ActivePassive));
    assert_eq!(hr.sides[Side::Primary].pool.name(), "hp-hr-we");
    assert_eq!(hr.sides[Side::Primary].accounts.len(), 2);
    assert_eq!(hr.sides[Side::Secondary].accounts.len(), 1, "one account for both counts once");
    assert_eq!(hr.groups[0].principals[0].id.as_str(), "4c4c4c4c-0000-4000-8000-00000000e001");
    assert_eq!(hr.exceptions[0].reason, "helpdesk, inherited at resource group");
    assert_eq!(estate.directory[Side::Primary].len(), 2);
    assert_eq!(estate.policy.rto, Some(seconds(7_200)));
    assert_eq!(estate.policy.notice, minutes(10));
    assert_eq!(estate.api_versions["Microsoft.Compute"], "2024-03-01");
    let simulated = estate.simulated.unwrap();
    assert_eq!(simulated.speed.to_bits(), 10.0_f64.to_bits());
    assert_eq!(simulated.anchor.unwrap().duration_since(simulated.epoch), seconds(5_400));
    assert!(estate.not_in_this_version.is_empty());
    assert_eq!(estate.hash, crate::domain::text::sha256_hex(text.as_bytes()));
}

#[test]
fn what_is_left_out_is_not_configured() {
    let text = filled(
        r#"
format = 1
name = "contoso-avd"
tenant = "11111111-1111-4111-8111-111111111111"
regions.primary = { azure = "westeurope", code = "WE" }
regions.secondary = { azure = "northeurope", code = "NE" }
[[service]]
name = "hr"
kind = "avd-pooled"
primary.pool = "{avd-we}hostPools/a"
secondary.pool = "{avd-ne}hostPools/b"
application_group = []
"#,
    );
    let estate = parse(&text, "e").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(estate.policy.notice, minutes(15));
    assert_eq!(estate.services[0].capacity_percent, 100);
    assert_eq!(estate.services[0].layout, Layout::ActivePassive);
    assert!(estate.services[0].sides[Side::Primary].workspace.is_none());
    assert!(estate.simulated.is_none());
}

#[test]
fn byte_order_mark_and_crlf_are_taken() {
    let text = format!("\u{feff}{}", full().replace('\n', "\r\n"));
    let estate = parse(&text, "e").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(estate.hash, crate::domain::text::sha256_hex(text.as_bytes()));
    let first = parse("\u{feff}claud = 1", "e").unwrap_err();
    assert!(first.to_string().contains("e:1:1: unknown key \"claud\""), "{first}");
    let broken = text.replace("cloud =", "clod =");
    let errors = parse(&broken, "e").unwrap_err();
    assert_eq!(errors.mistakes()[0].place, Some(Place { line: 3, column: 1 }));
}

/// What is replaced in [`FULL`], by what, and a part of what is then said.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        ", scaling_plan = \"{avd-we}",
        ", scaling_pln = \"{avd-we}",
        "unknown key \"scaling_pln\" in primary of [[service]] hr; nearest is \"scaling_plan\"",
    ),
    ("class =", "klass =", "estate.toml:14:1: unknown key \"klass\" in [[service]] hr; nearest is \"class\""),
    ("cloud =", "claud =", "unknown key \"claud\" in the estate file; nearest is \"cloud\""),
    ("rto =", "rt0 =", "unknown key \"rt0\" in [policy]; nearest is \"rto\""),
    ("name = \"contoso-avd\"\n", "", "missing key \"name\" in the estate file"),
    ("pool = \"{avd-we}hostPools/hp-hr-we\", ", "", "missing key \"pool\" in primary of [[service]] hr"),
    ("name = \"contoso-avd\"", "name = 7", "name in the estate file must be text, not an integer"),
    ("name = \"contoso-avd\"", "name = \"../x\"", "name in the estate file is \"../x\"; use at most 40"),
    ("\"11111111-1111-4111-8111-111111111111\"", "\"1111\"", "is no GUID: \"1111\""),
    ("E001", "E00G", "id in principals of application_group of [[service]] hr DAG1 is no GUID"),
    ("\"{avd-we}hostPools/hp-hr-we\"", "\"hp-hr-we\"", "is no resource id: a resource id starts with"),
    (
        "{avd-we}hostPools/hp-hr-we",
        "{avd-we}workspaces/x",
        "is not the id of a microsoft.desktopvirtualization/hostpools",
    ),
    ("{avd-we}hostPools/hp-hr-we", "{avd-we}hostPools/hp/x/y", "is not the id of a microsoft.desktop"),
    (
        "{avd-we}applicationGroups/dag1-we",
        "{avd-we}hostPools/x",
        "is not the id of a microsoft.desktopvirtualization/applicationgroups",
    ),
    (
        "{avd-we}hostPools/hp-hr-we",
        "/subscriptions/abc/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/x",
        "the subscription \"abc\" is no GUID",
    ),
    (
        "{avd-ne}hostPools/hp-hr-ne",
        "{avd-we}HOSTPOOLS/HP-HR-WE",
        "is \"HP-HR-WE\", the same pool as the primary's",
    ),
    (
        "{avd-ne}applicationGroups/dag1-ne",
        "{avd-we}applicationgroups/Dag1-WE",
        "the same group as the primary's",
    ),
    ("\"northeurope\"", "\"WestEurope\"", "the same region as the primary"),
    ("\"northeurope\"", "\"North Europe\"", "write Azure's name, such as \"northeurope\""),
    ("code = \"NE\"", "code = \"we\"", "the same code as the primary's"),
    (
        "\"avd-pooled\"",
        "\"avd-poled\"",
        "it is one of avd-pooled, avd-personal, rds; nearest is \"avd-pooled\"",
    ),
    ("\"active-passive\"", "\"activepassive\"", "nearest is \"active-passive\""),
    ("type = \"Group\"", "type = \"group\"", "nearest is \"Group\""),
    ("cloud = \"public\"", "cloud = \"german\"", "it is one of public, us-government, china"),
    ("\"2h\"", "\"2 hours\"", "rto in [policy] is no span: \"2 hours\"; write 90s, 15m, 2h or 1d"),
    ("capacity_percent = 100", "capacity_percent = 0", "is 0; it must be 1 to 500"),
    ("capacity_percent = 100", "capacity_percent = -5", "is negative or too large"),
    ("allow_run_command = false", "allow_run_command = \"no\"", "must be true or false, not a string"),
    (
        "format = 1",
        "format = 2",
        "estate.toml:1:10: format in the estate file is 2; this version reads format 1",
    ),
    ("format = 1\n", "", "missing key \"format\""),
    ("\"2024-03-01\"", "\"2024-13-01\"", "is no api-version"),
    (
        "\"Microsoft.Compute\" =",
        "\"Microsoft.Compte\" =",
        "estate.toml:42:1: unknown key \"Microsoft.Compte\" in [api_versions]; nearest is \"Microsoft.Compute\"",
    ),
    (
        "\"Microsoft.Compute\" =",
        "\"Compute\" =",
        "unknown key \"Compute\" in [api_versions]; nearest is \"Microsoft.Compute\"",
    ),
    (
        "\"Microsoft.Compute\" = \"2024-03-01\"",
        "\"Microsoft.Compute\" = \"2024-03-01\"\n\"microsoft.compute\" = \"2024-07-01\"",
        "estate.toml:43:1: \"microsoft.compute\" in [api_versions] stands there twice",
    ),
    ("speed = 10", "speed = 0", "is 0; it must be over 0 and at most 3600"),
    ("speed = 10", "speed = nan", "it must be over 0"),
    ("08:00:00Z", "08:00", "is no moment"),
    ("{vm}dc-ne-1", "{vm}DC-we-1", "names \"DC-we-1\" a second time"),
    ("[directory]", "directory = 3\n[dir]", "unknown key \"directory\""),
    ("tenant = \"", "tenant \"", "not valid TOML"),
];

#[test]
fn a_mistake_is_told_with_place_key_and_remedy() {
    for (from, to, expected) in MISTAKES {
        let said = check(from, to);
        assert!(said.contains(expected), "{to:?} should say\n  {expected}\nbut says\n  {said}");
    }
}

#[test]
fn duplicates_are_told_with_the_line_of_the_first() {
    let again = FULL.replace("[directory]", "[[service]]\nname = \"HR\"\nkind = \"rds\"\n\n[directory]");
    let said = parse(&filled(&again), "e").unwrap_err().to_string();
    assert!(
        said.contains("e:31:8: name in [[service]] is \"HR\", the name of the service in line 11"),
        "{said}"
    );
    let group = "[[service.application_group]]\ncode = \"dag1\"\nprimary = \"{avd-we}applicationGroups/dag1-we\"\nsecondary = \"{avd-ne}applicationGroups/b\"\nprincipals = [ { name = \"A\", id = \"4c4c4c4c-0000-4000-8000-00000000e001\", type = \"Group\" }, { name = \"A\", id = \"4c4c4c4c-0000-4000-8000-00000000e001\", type = \"User\" } ]\n\n[[service.exception]]";
    let said = parse(&filled(&FULL.replace("[[service.exception]]", group)), "e").unwrap_err().to_string();
    for part in [
        "is \"dag1\", the code of the group in line 21",
        "names \"dag1-we\", which line 22 already uses",
        "stands twice in this group",
        "is \"A\", which stands twice in this group",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn all_mistakes_come_at_once_and_in_order() {
    let text = full()
        .replace("cloud = \"public\"", "cloud = \"mars\"\nflavour = 1")
        .replace("rpo = \"15m\"", "rpo = \"soon\"")
        .replace("code = \"DAG1\"\n", "")
        .replace("kind = \"avd-pooled\"", "kind = 3");
    let errors = parse(&text, "estate.toml").unwrap_err();
    assert_eq!(errors.mistakes().len(), 5, "{errors}");
    let places: Vec<_> = errors.mistakes().iter().map(|mistake| mistake.place).collect();
    assert!(places.is_sorted());
    let paths: Vec<_> = errors.mistakes().iter().map(|mistake| mistake.path.as_str()).collect();
    assert_eq!(
        paths,
        ["cloud", "flavour", "service[0].kind", "service[0].application_group[0].code", "policy.rpo"]
    );
}

#[test]
fn several_syntax_errors_come_at_once() {
    let errors = parse("a = \nb = 1\nc = [\n", "e").unwrap_err();
    assert!(errors.mistakes().len() >= 2, "{errors}");
    assert_eq!(errors.mistakes()[0].place.unwrap().line, 1);
}

#[test]
fn later_sections_are_accepted_and_listed() {
    let text = full().replace(
        "kind = \"avd-pooled\"",
        "kind = \"avd-pooled\"\nprofile_stores = { kind = \"cloud-cache\" }",
    ) + "[[recovery_plans]]\nanything = 1\n[traffic]\nx = { y = 2 }\n\
           [[service]]\nname = \"old\"\nkind = \"rds\"\nbroker = \"x\"\n";
    let personal = filled(
        "[[service]]\nname = \"dev\"\nkind = \"avd-personal\"\nprimary.pool = \"{avd-we}hostPools/p\"\n\
         secondary.pool = \"{avd-ne}hostPools/p\"\napplication_group = []\n",
    );
    let estate = parse(&(text + &personal), "e").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        estate.not_in_this_version,
        [
            "profile_stores of service hr",
            "service old (rds)",
            "service dev (avd-personal)",
            "recovery_plans",
            "traffic"
        ]
    );
    assert_eq!(estate.services.len(), 1);
}

#[test]
fn versions_of_what_is_not_built_yet_are_accepted_and_listed() {
    let text = full().replace(
        "[api_versions]\n",
        "[api_versions]\n\"microsoft.recoveryservices\" = \"2024-04-01\"\n\"microsoft.storage\" = \"2023-05-01\"\n",
    );
    let estate = parse(&text, "e").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(estate.not_in_this_version, ["api-version of Microsoft.RecoveryServices"]);
    assert_eq!(estate.api_versions["microsoft.storage"], "2023-05-01", "case does not matter");
    let said = check("\"Microsoft.Compute\" = \"2024-03-01\"", "\"Microsoft.Network\" = \"soon\"");
    assert!(said.contains("is no api-version: \"soon\""), "{said}");
}

#[test]
fn text_of_the_file_cannot_reach_the_terminal_raw() {
    let said = check("cloud = \"public\"", "cloud = \"a\\u001b[2Jb\"");
    assert!(said.contains("a<U+001B>[2Jb"), "{said}");
    let said = check("name = \"GRP1\"", "name = \"GR\\u202eP1\"");
    assert!(said.contains("holds characters that do not show: \"GR<U+202E>P1\""), "{said}");
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for text in [
        format!("a{} = 1", ".a".repeat(50_000)),
        format!("a = {}", "[".repeat(10_000)),
        format!("[{}]", "a.".repeat(9_000)),
    ] {
        assert!(parse(&text, "e").is_err());
    }
}

#[test]
fn a_flood_of_mistakes_is_counted() {
    let errors = parse(&format!("service = [{}]", "{a=1},".repeat(20_000)), "e").unwrap_err();
    assert!(errors.mistakes().len() > 80_000);
    assert_eq!(errors.to_string().lines().count(), 201);
    assert!(errors.to_string().ends_with("more mistakes"));
    let last = errors.mistakes().last().unwrap().place.unwrap();
    assert_eq!((last.line, last.column), (1, 11 + 19_999 * 6 + 2));
}

mod loading {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn said(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("estate.toml");
        fs::write(&path, bytes).unwrap();
        load(&path).map_or_else(|errors| errors.to_string(), |estate| estate.name)
    }

    #[test]
    fn what_is_no_estate_file_is_refused_without_hanging() {
        assert_eq!(said(full().as_bytes()), "contoso-avd");
        assert!(said(b"").contains("missing key \"name\""));
        assert!(said(&vec![b'#'; MAX_BYTES + 1]).contains("larger than 1 MB"));
        let wide: Vec<u8> = full().encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(said(&wide).contains("is UTF-16 text; save it as UTF-8"));
        assert!(said(b"a = 1\nb = \"\xe9\"\n").contains("the first foreign byte stands in line 2"));
        for path in ["/dev/zero", "/dev/tty", "/", "/nowhere/estate.toml"] {
            assert!(load(std::path::Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn pipes_links_to_devices_and_open_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert!(load(&pipe).unwrap_err().to_string().contains("not a regular file"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert!(load(&link).unwrap_err().to_string().contains("not a regular file"));
        let open = dir.path().join("open.toml");
        fs::write(&open, full()).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(load(&open).unwrap_err().to_string().contains("chmod o-w"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = parse(&text, "e").map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_spoiled_file_makes_it_panic(at in 0..3_000_usize, cut in 0..40_usize, put in "[a-z\\[\\]{}=\",.\\n0-9é\u{202e}\u{0}]{0,6}") {
        let text = full();
        let from = (at..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len());
        let to = (from + cut).min(text.len());
        let spoiled = format!("{}{put}{}", &text[..from], &text[to..]);
        if let Err(errors) = parse(&spoiled, "e") {
            prop_assert!(!errors.mistakes().is_empty());
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}

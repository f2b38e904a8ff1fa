//! Where what is in memory could end up: in a core dump, or with a debugger.

/// Keeps the memory of this process out of core dumps, whoever collects them, and from being read by other
/// processes of the same user, where the system can do that (Linux, `prctl(2)`, `PR_SET_DUMPABLE`).
///
/// `false`: it could not be done, and tokens are as safe as the machine's own settings make them.
pub fn withhold() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_ok();
    #[cfg(not(target_os = "linux"))]
    return false;
}

/// Whether the memory of this process is withheld.
pub fn is_withheld() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::process::dumpable_behavior()
        .is_ok_and(|now| now == rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(not(target_os = "linux"))]
    return false;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_in_no_core_dump() {
        assert!(withhold());
        assert!(is_withheld());
    }
}

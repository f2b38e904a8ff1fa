//! The checks: whether the standby side could take the users now, and what stands in the way.

#[cfg(test)]
pub(crate) mod fixture;

//! Procedures as data, and the plan that binds one to an estate.

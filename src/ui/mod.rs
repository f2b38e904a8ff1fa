//! The screen, a function of the app's state.

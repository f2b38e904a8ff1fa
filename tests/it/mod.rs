//! One line a module, so that each can be added without touching another.

mod floors;

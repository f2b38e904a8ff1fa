//! Simulated Azure: speaks the wire, imports nothing else of ours.

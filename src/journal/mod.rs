//! The durable record of a run: hash-chained, fsynced, one writer.

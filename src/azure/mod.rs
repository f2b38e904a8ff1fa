//! The adapter: domain words in, Azure Resource Manager out.

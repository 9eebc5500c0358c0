//! Where the pods of a fleet hear each other.

use clap::Args;

/// Where the pods of a fleet hear each other; without an address this pod is alone.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct Redis {}

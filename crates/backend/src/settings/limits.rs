//! How much one user, one address and one socket may ask for.

use clap::Args;

/// How much one user, one address and one socket may ask for.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct Limits {}

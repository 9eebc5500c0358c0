//! What the web side is told: who may call from a page, behind which proxies, with which certificate.

use clap::Args;

/// What the web side is told.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct Web {}

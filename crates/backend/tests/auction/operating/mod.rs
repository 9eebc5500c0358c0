//! What whoever runs the backend has to rely on: limits, what browsers are told, TLS, and the metrics.

mod limits;
mod metrics;
mod tls;
mod web;

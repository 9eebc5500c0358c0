//! `/metrics`, at an address of its own: on the port of the calls, a proxy would show it to the world, and a request that
//! it passes on comes from loopback, too.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::sockets::Shared;

/// What the text is: `OpenMetrics`, which Prometheus asks for first.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves it until the house stops.
pub(crate) async fn serve(house: Shared, listener: TcpListener) {
    let stopping = house.stopping.clone();
    let router = Router::new().route("/metrics", get(metrics)).with_state(house);
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { stopping.cancelled().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "metrics are not served any longer");
    }
}

async fn metrics(State(house): State<Shared>) -> Response {
    match house.metrics.text(&house) {
        Ok(text) => ([(CONTENT_TYPE, KIND)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

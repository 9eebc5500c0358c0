//! The sockets' own threads.
//!
//! What is said to a room wakes a task for every socket in it, and a task that somebody else wakes queues up behind all
//! of them. A bid asks the database ten times over; on the sockets' threads each answer waited for the whole room to be
//! written to. So the sockets, and whoever speaks to them, are here, and calls and decisions are not.

use std::io;
use std::pin::pin;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::rest::SOCKET_PATH;

/// The threads. Whatever still runs on them ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Voices {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Voices {
    /// One for each processor.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("voices")
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// Where to put a task so that it runs on them.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Voices {
    fn drop(&mut self) {
        // Waiting for them would stop the thread that drops this, which may be one that others wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lets the tasks that a socket's handshake starts, and thereby all that belong to the socket, run on these threads.
pub(crate) async fn take_over(State(handle): State<Handle>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(SOCKET_PATH) {
        return next.run(request).await;
    }
    let mut handshake = pin!(next.run(request));
    std::future::poll_fn(|context| {
        let _entered = handle.enter();
        handshake.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::thread;

    use axum::routing::get;
    use axum::{Router, middleware};

    use super::*;

    /// The thread of a task that is started while a request for this path is answered.
    async fn thread_of_a_task_at(path: &str) -> String {
        async fn start_one() -> String {
            let name = || thread::current().name().unwrap_or_default().to_owned();
            tokio::spawn(async move { name() }).await.unwrap()
        }
        let voices = Voices::start().unwrap();
        let app = Router::new()
            .route(SOCKET_PATH, get(start_one))
            .route("/api/health", get(start_one))
            .layer(middleware::from_fn_with_state(voices.handle().clone(), take_over));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        let name = answer.text().await.unwrap();
        server.abort();
        name
    }

    #[tokio::test]
    async fn what_a_socket_starts_runs_on_the_voices_and_what_a_call_starts_does_not() {
        assert_eq!(thread_of_a_task_at(SOCKET_PATH).await, "voices");
        assert_ne!(thread_of_a_task_at("/api/health").await, "voices");
    }
}

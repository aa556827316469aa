//! HTTP services: hyper reads the requests and writes the responses, the service answers.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use model::{CloseReason, ConnectionId, Effect, HttpService, Peer};

use crate::listen::Limits;
use crate::raw::Stream;
use crate::slots::{Http, Kind};
use crate::thread::{Shared, Thread};

/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 * 1024;

/// Serves one HTTP connection until it ends.
pub(crate) async fn serve(
    thread: Shared,
    stream: Box<dyn Stream>,
    peer: Peer,
    service: Arc<dyn HttpService>,
    limits: Limits,
) {
    let connection = service.open(&peer);
    let max_body = service.max_body();
    let id = {
        let mut thread = thread.borrow_mut();
        let idle_until = Some(thread.clock.now().plus(limits.login_timeout.as_millis() as u64));
        let id =
            thread.open(Kind::Http(Box::new(Http { connection, response: None, closing: false, idle_until })), peer);
        // Its first request may be here before the core has told it of an alarm: it would be parked and nobody told. Also
        // so that its first timeout is known.
        let alarm = thread.alarm.clone();
        thread.with_http(id, |connection, now, io| {
            if alarm.is_some() {
                connection.apply(now, Effect::Throttle { reason: alarm }, io);
            }
        });
        id
    };
    let shared = thread.clone();
    let answer = service_fn(move |request| {
        let thread = shared.clone();
        async move { Ok::<_, Infallible>(answer(&thread, id, request, max_body, limits).await) }
    });
    let mut served = std::pin::pin!(
        hyper::server::conn::http1::Builder::new()
            // Its own time-out would cost a system call a request; the thread's timers see to that.
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let mut asked_to_end = false;
    let end = poll_fn(|cx| {
        if thread.borrow_mut().is_http_closing(id, cx) && !asked_to_end {
            asked_to_end = true;
            served.as_mut().graceful_shutdown();
        }
        served.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = end {
        tracing::debug!(connection = ?id, "http: {error}");
    }
    let mut thread = thread.borrow_mut();
    thread.end(id, CloseReason::Disconnected);
    thread.slots.remove(id);
}

/// Gives a whole request to the service and waits for its response.
async fn answer(
    thread: &Shared,
    id: ConnectionId,
    request: Request<Incoming>,
    max_body: usize,
    limits: Limits,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, max_body).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"request body too large or broken\n")));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        }
    };
    let request = Request::from_parts(head, body);
    thread.borrow_mut().set_idle(id, None);
    thread.borrow_mut().with_http(id, |connection, now, io| connection.request(now, request, io));
    let response = poll_fn(|cx| thread.borrow_mut().poll_response(id, cx)).await.map(Full::new);
    thread.borrow_mut().set_idle(id, Some(limits.idle_timeout));
    response
}

impl Thread {
    fn poll_response(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Poll<Response<Bytes>> {
        let Some(slot) = self.slots.get(id) else { return Poll::Ready(unavailable()) };
        slot.waker = Some(cx.waker().clone());
        let Kind::Http(http) = &mut slot.kind else { return Poll::Ready(unavailable()) };
        match http.response.take() {
            Some(response) => Poll::Ready(response),
            None if http.closing => Poll::Ready(unavailable()),
            None => Poll::Pending,
        }
    }

    /// The connection rests from now on, for so long at most; or it is at work.
    fn set_idle(&mut self, id: ConnectionId, patience: Option<Duration>) {
        let until = patience.map(|patience| self.clock.now().plus(patience.as_millis() as u64));
        if let Some(slot) = self.slots.get(id)
            && let Kind::Http(http) = &mut slot.kind
        {
            http.idle_until = until;
        }
        if until.is_some() {
            // Sets the alarm.
            self.with_http(id, |_, _, _| {});
        }
    }

    fn is_http_closing(&mut self, id: ConnectionId, cx: &Context<'_>) -> bool {
        let Some(slot) = self.slots.get(id) else { return true };
        if slot.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        matches!(&slot.kind, Kind::Http(http) if http.closing)
    }
}

fn unavailable() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"stopping\n"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

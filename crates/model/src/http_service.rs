use bytes::Bytes;

use crate::{CloseReason, Commands, Effect, Peer, Time};

/// A service that answers HTTP requests with commands to the broker.
pub trait HttpService: Send + Sync {
    fn name(&self) -> &'static str;

    /// Bytes of the longest request body that is read.
    fn max_body(&self) -> usize;

    fn open(&self, peer: &Peer) -> Box<dyn HttpConnection>;
}

/// One client's HTTP connection: one request at a time, each answered by exactly one response.
pub trait HttpConnection {
    fn request(&mut self, now: Time, request: http::Request<Bytes>, io: &mut HttpIo<'_>);

    /// Effects that belong to no open request are dropped here.
    fn apply(&mut self, now: Time, effect: Effect, io: &mut HttpIo<'_>);

    fn poll_timeout(&self) -> Option<Time>;

    fn handle_timeout(&mut self, now: Time, io: &mut HttpIo<'_>);

    /// The client is gone, or must go: what the open request still waits for is given up.
    fn close(&mut self, reason: CloseReason, io: &mut HttpIo<'_>);
}

/// What an HTTP connection may do to the world.
pub struct HttpIo<'a> {
    pub commands: &'a mut Commands,
    /// Set once for each request.
    pub response: &'a mut Option<Exchanged>,
}

/// A whole response.
pub type Exchanged = http::Response<Bytes>;

//! The one connection loop for every protocol that speaks bytes.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use model::{CloseReason, ConnectionId, Peer, Protocol};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::slots::{Kind, Raw};
use crate::thread::{READ_AGAIN_BYTES, READ_BYTES, ROUND_BYTES, Shared, Thread};

/// A socket, with or without TLS or WebSocket around it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Reads of one connection in a row, before others have their turn.
const READS_PER_TURN: usize = 4;
/// Output that a peer has not read, beyond which no more is read from it.
const UNREAD_OUTPUT_BYTES: usize = 4 * 1024 * 1024;
/// Publishes of one connection that wait for an alarm to end, before it is not read any more.
const PARKED_COMMANDS: usize = 256;
/// The beginning of a frame, below this, is copied out of the thread's read buffer, and into it again with the next read.
const SMALL_REST_BYTES: usize = 4 * 1024;
/// Pieces of output in one `writev`.
const SLICES: usize = 64;

/// Serves one connection until it ends.
pub(crate) async fn serve(thread: Shared, stream: Box<dyn Stream>, mut peer: Peer, protocol: &dyn Protocol) {
    peer.mechanisms = thread.borrow().authenticator.mechanisms(&peer);
    let raw = Raw {
        connection: protocol.open(&peer),
        stream,
        rest: BytesMut::new(),
        output: model::Output::default(),
        dirty: false,
        stalled: None,
        closing: None,
        lingers: false,
        is_shut: false,
        unflushed: false,
    };
    let id = {
        let mut thread = thread.borrow_mut();
        let id = thread.open(Kind::Raw(Box::new(raw)), peer);
        // So that its first timeout is known.
        thread.with_raw(id, |_, _, _| Ok(()));
        id
    };
    poll_fn(|cx| thread.borrow_mut().poll_raw(id, cx)).await;
}

impl Thread {
    /// Reads, and writes what could not be written at the end of the round. Ready when the connection is gone.
    fn poll_raw(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Poll<()> {
        let Some(slot) = self.slots.get(id) else { return Poll::Ready(()) };
        if slot.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        self.flush(id, cx);
        for _ in 0..READS_PER_TURN {
            if self.taken >= ROUND_BYTES {
                // The core has its turn first.
                self.wake_round();
                break;
            }
            match self.read_once(id, cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One `read` and what it means. `Ready(false)`: the connection is gone. `Pending`: nothing to read, or not allowed to.
    fn read_once(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(slot) = self.slots.get(id) else { return Poll::Ready(false) };
        let (parked, waits) = (slot.parked.len(), slot.admission.waits());
        let Kind::Raw(raw) = &mut slot.kind else { return Poll::Ready(false) };
        if raw.closing.is_some() {
            if !raw.output.is_empty() {
                return Poll::Pending;
            }
            return self.linger(id, cx);
        }
        if raw.output.len() > UNREAD_OUTPUT_BYTES || parked > PARKED_COMMANDS || waits {
            return Poll::Pending;
        }
        // A long frame is read to where its beginning is, a short beginning is put before what is read.
        let long = raw.rest.len() >= SMALL_REST_BYTES;
        let mut input = if long { std::mem::take(&mut raw.rest) } else { std::mem::take(&mut self.read) };
        // What was read last ends where the read buffer goes on: nothing need be copied.
        let mut joined = long && input.as_ptr_range().end == self.read.as_ptr();
        if joined {
            input.unsplit(std::mem::take(&mut self.read));
        }
        if input.capacity() - input.len() < READ_AGAIN_BYTES {
            input.reserve(READ_BYTES.saturating_sub(input.len()).max(READ_BYTES / 2));
            joined = false;
        }
        if !long {
            input.extend_from_slice(&raw.rest);
        }
        let read = tokio_util::io::poll_read_buf(Pin::new(&mut raw.stream), cx, &mut input);
        if let Poll::Ready(Err(error)) = &read {
            tracing::debug!(connection = ?id, "read: {error}");
        }
        let Poll::Ready(Ok(count @ 1..)) = read else {
            if !long {
                input.clear();
                self.read = input;
            } else {
                if joined {
                    self.read = input.split_off(input.len());
                }
                raw.rest = input;
            }
            return read.map(|_| {
                self.end(id, CloseReason::Disconnected);
                true
            });
        };
        raw.rest = BytesMut::new();
        self.taken += count;
        let shown = input.len();
        self.show(id, &mut input);
        // The room behind a frame that is not whole yet is for the rest of it, if it needed a buffer of its own.
        if !long || input.len() < shown {
            self.take_back(input.split_off(input.len()));
        }
        self.keep_rest(id, input);
        Poll::Ready(true)
    }

    /// Shows a connection its input, and what it leaves of it once more when it has logged in meanwhile.
    fn show(&mut self, id: ConnectionId, input: &mut BytesMut) {
        loop {
            self.with_raw(id, |connection, now, io| connection.receive(now, input, io));
            let Some(slot) = self.slots.get(id) else { return };
            if !slot.admission.takes_rest() || input.is_empty() {
                return;
            }
        }
    }

    /// The login is answered: what the client has said since is read, and the socket again.
    pub(crate) fn show_rest(&mut self, id: ConnectionId) {
        let Some(slot) = self.slots.get(id) else { return };
        if !slot.admission.takes_rest() {
            return;
        }
        if let Some(waker) = &slot.waker {
            waker.wake_by_ref();
        }
        let Kind::Raw(raw) = &mut slot.kind else { return };
        if raw.closing.is_some() || raw.rest.is_empty() {
            return;
        }
        let mut rest = std::mem::take(&mut raw.rest);
        self.show(id, &mut rest);
        self.keep_rest(id, rest);
    }

    /// What is left of a buffer, behind messages that stay where they were read, is for the next reads.
    fn take_back(&mut self, spare: BytesMut) {
        if spare.capacity() > self.read.capacity() && spare.capacity() <= READ_BYTES {
            self.read = spare;
        }
    }

    /// Everything is said. What the peer had sent before it read that is taken and dropped: closing over unread bytes
    /// resets the connection, and the peer would not see why it ended. `Ready(false)`: the connection is gone.
    fn linger(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(slot) = self.slots.get(id) else { return Poll::Ready(false) };
        let Kind::Raw(raw) = &mut slot.kind else { return Poll::Ready(false) };
        if raw.lingers {
            if !raw.is_shut {
                match Pin::new(&mut raw.stream).poll_shutdown(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(done) => (raw.is_shut, raw.lingers) = (true, done.is_ok()),
                }
            }
            self.read.clear();
            if self.read.capacity() < READ_AGAIN_BYTES {
                self.read.reserve(READ_BYTES);
            }
            match tokio_util::io::poll_read_buf(Pin::new(&mut raw.stream), cx, &mut self.read) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.read.clear();
                    return Poll::Ready(true);
                }
                Poll::Ready(_) => {}
            }
        }
        self.forget(id);
        Poll::Ready(false)
    }

    fn keep_rest(&mut self, id: ConnectionId, input: BytesMut) {
        let Some(slot) = self.slots.get(id) else { return };
        let Kind::Raw(raw) = &mut slot.kind else { return };
        if !input.is_empty() && raw.closing.is_none() {
            raw.rest = if input.len() < SMALL_REST_BYTES { BytesMut::from(&input[..]) } else { input };
        }
    }

    /// Writes what a connection has to say, as far as its peer takes it.
    pub(crate) fn flush(&mut self, id: ConnectionId, cx: &mut Context<'_>) {
        let (now, slow_timeout) = (self.clock.now(), self.slow_timeout);
        let Some(slot) = self.slots.get(id) else { return };
        let Kind::Raw(raw) = &mut slot.kind else { return };
        let was_stopped = raw.output.len() > UNREAD_OUTPUT_BYTES;
        let mut written = 0;
        let mut broken = false;
        while !raw.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = raw.output.slices(&mut slices);
            match Pin::new(&mut raw.stream).poll_write_vectored(cx, &slices[..count]) {
                Poll::Pending => break,
                Poll::Ready(Ok(0) | Err(_)) => {
                    broken = true;
                    break;
                }
                Poll::Ready(Ok(count)) => {
                    raw.output.advance(count);
                    written += count;
                }
            }
        }
        // TLS takes more than its socket has room for.
        if !broken && (written > 0 || raw.unflushed) {
            let flushed = Pin::new(&mut raw.stream).poll_flush(cx);
            raw.unflushed = flushed.is_pending();
            broken = matches!(flushed, Poll::Ready(Err(_)));
        }
        if was_stopped
            && raw.output.len() <= UNREAD_OUTPUT_BYTES
            && let Some(waker) = &slot.waker
        {
            // Nothing else wakes it to read on, if all was taken at once.
            waker.wake_by_ref();
        }
        let (done, stuck) = (raw.output.is_empty(), !raw.output.is_empty() || raw.unflushed);
        raw.stalled = if !stuck {
            None
        } else if written > 0 {
            Some(now)
        } else {
            raw.stalled.or(Some(now))
        };
        let looked_at = raw.stalled.zip(slow_timeout).map(|(since, timeout)| since.plus(timeout));
        let spare = (done && !raw.output.is_bare()).then(|| raw.output.take_back());
        let is_first = looked_at.is_some_and(|at| slot.arm(&mut self.timers, at));
        if is_first {
            self.wake_round();
        }
        if let Some(buffer) = spare {
            self.spare_buffer(buffer);
        }
        if broken {
            if let Some(slot) = self.slots.get(id)
                && let Kind::Raw(raw) = &mut slot.kind
            {
                raw.output = model::Output::default();
            }
            self.end(id, CloseReason::Disconnected);
        } else if written > 0 {
            self.with_raw(id, |connection, _, io| {
                connection.flushed(written, io);
                Ok(())
            });
        }
    }

    /// Writes for everybody who has something to say; who cannot now is woken when it can.
    pub(crate) fn flush_dirty(&mut self) {
        // Writing may make more output; that has its turn too, as the list only grows at its end.
        let mut at = 0;
        while at < self.dirty.len() {
            let id = self.dirty[at];
            at += 1;
            let Some(slot) = self.slots.get(id) else { continue };
            let Kind::Raw(raw) = &mut slot.kind else { continue };
            raw.dirty = false;
            // Without a waker the task has not run yet; it will flush itself.
            let Some(waker) = slot.waker.clone() else { continue };
            self.flush(id, &mut Context::from_waker(&waker));
        }
        self.dirty.clear();
    }

    /// Drops a connection and its socket.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        if let Some(slot) = self.slots.remove(id)
            && let Some(waker) = slot.waker
        {
            waker.wake();
        }
    }
}

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, BytesMut};

use super::chance::Chance;
use crate::codec::{
    self, Close, DeliveryState, Disposition, Flow, Frame, HEADER_LEN, Limits, Modified, Open, Outcome, Performative,
    ProtocolHeader, ProtocolId, Role, SaslCode, SaslFrame, SaslOutcome,
};

/// The client's end: it knows what it has said, checks what the server says, and answers some of it.
#[derive(Debug, Default)]
pub(super) struct Client {
    mine: Stream,
    theirs: Stream,
    /// Bytes of the longest frame it takes, once it has said so.
    max_frame: Option<u32>,
    is_open: bool,
    is_closed: bool,
    sessions: BTreeMap<u16, Session>,
    answers: VecDeque<(u16, Performative)>,
    /// The last frame, if it is a disposition of a receiver.
    pub(super) last_acceptance: Vec<u8>,
}

/// One direction, cut into frames.
#[derive(Debug, Default)]
struct Stream {
    bytes: BytesMut,
    layer: Option<ProtocolId>,
    is_broken: bool,
}

#[derive(Debug, Default)]
struct Session {
    /// The server has begun it, and not ended it.
    is_there: bool,
    window: Bound,
    /// Transfers so far.
    transfers: u32,
    /// The next delivery's id.
    next_id: u32,
    /// By the server's handles.
    links: BTreeMap<u32, Link>,
    /// By the client's: what it has said of its credit.
    credits: BTreeMap<u32, Bound>,
    /// The client's handles, by the names of their links.
    names: BTreeMap<codec::Text, u32>,
    /// The server's handle of a delivery that goes on.
    partial: Option<u32>,
}

#[derive(Debug)]
struct Link {
    /// The client's handle, known by the link's name.
    handle: Option<u32>,
    role: Role,
    /// Its delivery-count.
    count: u32,
}

/// A number below which something may be counted; the last that was said, and those before it that the server may not
/// have been past when it spoke.
#[derive(Debug, Default)]
struct Bound(Vec<u32>);

impl Bound {
    fn say(&mut self, end: u32) {
        self.0.push(end);
    }

    fn allows(&self, number: u32) -> bool {
        self.0.iter().any(|end| end.wrapping_sub(number) as i32 > 0)
    }

    fn forget_older(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(1));
    }
}

enum Said {
    Sasl(SaslFrame),
    Frame(Frame, usize),
}

impl Stream {
    /// The next frame. What the client says may be broken; then nothing more is known of it.
    fn next(&mut self) -> Result<Option<Said>, String> {
        loop {
            let before = self.bytes.len();
            match self.layer {
                _ if self.is_broken => return Ok(None),
                None => match ProtocolHeader::peek(&self.bytes) {
                    ProtocolHeader::Known(id) => {
                        self.bytes.advance(HEADER_LEN);
                        self.layer = Some(id);
                    }
                    ProtocolHeader::Incomplete => return Ok(None),
                    ProtocolHeader::Unknown => return Err("no header".into()),
                },
                Some(ProtocolId::Sasl) => {
                    let Some(frame) = codec::decode_sasl(&mut self.bytes).map_err(|error| error.to_string())? else {
                        return Ok(None);
                    };
                    return Ok(Some(Said::Sasl(frame)));
                }
                Some(_) => {
                    let limits = Limits { max_frame: u32::MAX };
                    let frame = codec::decode(&mut self.bytes, &limits).map_err(|error| error.to_string())?;
                    return Ok(frame.map(|frame| Said::Frame(frame, before - self.bytes.len())));
                }
            }
        }
    }
}

impl Client {
    /// The client says this, before the server reads it.
    pub(super) fn says(&mut self, bytes: &[u8]) {
        self.mine.bytes.extend_from_slice(bytes);
        loop {
            match self.mine.next() {
                Ok(Some(Said::Frame(Frame { channel, performative: Some(performative), .. }, _))) => {
                    self.note(channel, performative);
                }
                Ok(Some(Said::Sasl(SaslFrame::Init(_) | SaslFrame::Response(_)))) => self.mine.layer = None,
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => {
                    self.mine.is_broken = true;
                    return;
                }
            }
        }
    }

    fn note(&mut self, channel: u16, performative: Performative) {
        match performative {
            Performative::Open(open) => {
                let Open { max_frame_size, .. } = *open;
                self.max_frame.get_or_insert(max_frame_size);
            }
            Performative::Begin(begin) => {
                let session = self.sessions.entry(channel).or_default();
                session.window.say(begin.incoming_window.min(i32::MAX as u32));
            }
            Performative::Attach(attach) => {
                let session = self.sessions.entry(channel).or_default();
                session.names.insert(attach.name, attach.handle);
            }
            Performative::Flow(flow) => {
                let Flow { next_incoming_id, incoming_window, handle, delivery_count, link_credit, .. } = *flow;
                let Some(session) = self.sessions.get_mut(&channel) else { return };
                session.window.say(next_incoming_id.unwrap_or(0).wrapping_add(incoming_window.min(i32::MAX as u32)));
                if let (Some(handle), Some(credit)) = (handle, link_credit) {
                    let end = delivery_count.unwrap_or(0).wrapping_add(credit.min(i32::MAX as u32));
                    session.credits.entry(handle).or_default().say(end);
                }
            }
            _ => {}
        }
    }

    /// The server says more.
    pub(super) fn hears(&mut self, bytes: &[u8]) {
        self.theirs.bytes.extend_from_slice(bytes);
        loop {
            match self.theirs.next().expect("servers say what is well-formed") {
                None => break,
                Some(Said::Sasl(SaslFrame::Outcome(SaslOutcome { code: SaslCode::Ok, .. }))) => {
                    self.theirs.layer = None;
                }
                Some(Said::Sasl(_)) => {}
                Some(Said::Frame(frame, length)) => {
                    let is_acceptance = matches!(&frame.performative,
                        Some(Performative::Disposition(it)) if it.role == Role::Receiver);
                    let whole = &bytes[bytes.len() - self.theirs.bytes.len() - length..];
                    self.last_acceptance.clear();
                    if is_acceptance {
                        self.last_acceptance.extend_from_slice(&whole[..length]);
                    }
                    self.read(frame, length);
                }
            }
        }
        let rest = &self.theirs.bytes;
        assert!(rest.is_empty() || self.theirs.layer.is_none(), "half a frame: {rest:?}");
    }

    /// The server has said all that it will for now.
    pub(super) fn is_done(&mut self) {
        for session in self.sessions.values_mut() {
            session.window.forget_older();
            session.credits.values_mut().for_each(Bound::forget_older);
        }
    }

    fn read(&mut self, frame: Frame, length: usize) {
        let Frame { channel, performative, payload } = frame;
        let Some(performative) = performative else { return };
        assert!(!self.is_closed, "close is the last: {performative:?}");
        assert!(self.is_open || matches!(performative, Performative::Open(_)), "open is the first: {performative:?}");
        match performative {
            Performative::Open(_) => {
                assert!(!std::mem::replace(&mut self.is_open, true), "opens once");
                return;
            }
            Performative::Close(Close { .. }) => {
                self.is_closed = true;
                return;
            }
            _ => {}
        }
        let session = self.sessions.entry(channel).or_default();
        if let Performative::Begin(begin) = &performative {
            assert_eq!(begin.remote_channel, Some(channel));
            assert!(!std::mem::replace(&mut session.is_there, true), "begins once");
            return;
        }
        assert!(session.is_there, "there is no session: {performative:?}");
        match performative {
            Performative::End(_) => {
                // What the client has said since is for its next session.
                let Session { window, credits, names, .. } = std::mem::take(session);
                *session = Session { window, credits, names, ..Session::default() };
            }
            Performative::Attach(attach) => {
                let handle = session.names.get(&attach.name).copied();
                let link = Link { handle, role: attach.role, count: 0 };
                assert!(session.links.insert(attach.handle, link).is_none(), "the handle is in use");
            }
            Performative::Detach(detach) => {
                assert!(session.links.remove(&detach.handle).is_some(), "detaches what is not attached");
                if session.partial == Some(detach.handle) {
                    session.partial = None;
                }
            }
            Performative::Flow(flow) => {
                let Some(handle) = flow.handle else { return };
                let link = session.links.get_mut(&handle).expect("a flow for a link that is attached");
                if link.role == Role::Sender {
                    link.count = flow.delivery_count.expect("a sender knows");
                }
            }
            Performative::Transfer(transfer) => {
                let limit = self.max_frame.filter(|limit| *limit >= 512);
                assert!(limit.is_none_or(|limit| length <= limit as usize), "a frame of {length} bytes");
                session.transferred(&transfer, payload.len(), !self.mine.is_broken);
                if !transfer.more && transfer.settled == Some(false) {
                    let disposition = accepted(session.next_id.wrapping_sub(1));
                    self.answers.push_back((channel, Performative::Disposition(disposition)));
                }
            }
            Performative::Disposition(disposition) => {
                let last = disposition.last.unwrap_or(disposition.first);
                assert!(last.wrapping_sub(disposition.first) as i32 >= 0);
                assert!(disposition.role == Role::Receiver || session.next_id.wrapping_sub(last) as i32 > 0);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Says what is due to some of what it has read, or something else.
    pub(super) fn answers(&mut self, chance: &mut Chance, out: &mut BytesMut) {
        if self.mine.layer != Some(ProtocolId::Amqp) || !self.mine.bytes.is_empty() {
            return;
        }
        for _ in 0..chance.below(4) {
            let Some((channel, mut performative)) = self.answers.pop_front() else { break };
            if let Performative::Disposition(disposition) = &mut performative {
                let modified = Modified { delivery_failed: true, ..Modified::default() };
                disposition.settled = !chance.one_in(3);
                disposition.state = match chance.below(6) {
                    0 => None,
                    1 => Some(DeliveryState::RELEASED),
                    2 => Some(DeliveryState::Outcome(Outcome::Modified(modified))),
                    3 => Some(DeliveryState::Outcome(Outcome::Rejected(None))),
                    _ => Some(DeliveryState::ACCEPTED),
                };
                if chance.one_in(4) {
                    disposition.last = Some(disposition.first.wrapping_add(chance.below(5) as u32));
                }
            }
            codec::encode(out, channel, &performative, &[]);
        }
    }
}

impl Session {
    fn transferred(&mut self, transfer: &codec::Transfer, payload: usize, is_known: bool) {
        assert!(!is_known || self.window.allows(self.transfers), "a transfer beyond the window");
        self.transfers = self.transfers.wrapping_add(1);
        let link = self.links.get_mut(&transfer.handle).expect("transfers on a link that is attached");
        assert_eq!(link.role, Role::Sender, "transfers on a link that receives");
        match self.partial {
            Some(handle) => assert_eq!(handle, transfer.handle, "one delivery after the other"),
            None => {
                assert_eq!(transfer.delivery_id, Some(self.next_id), "ids are given in order");
                self.next_id = self.next_id.wrapping_add(1);
                let credit = link.handle.and_then(|handle| self.credits.get(&handle));
                let allowed = credit.is_some_and(|credit| credit.allows(link.count));
                assert!(!is_known || allowed, "a delivery beyond the credit");
                link.count = link.count.wrapping_add(1);
            }
        }
        assert!(payload > 0);
        self.partial = transfer.more.then_some(transfer.handle);
    }
}

fn accepted(id: u32) -> Disposition {
    let state = Some(DeliveryState::ACCEPTED);
    Disposition { role: Role::Receiver, first: id, last: None, settled: true, state, batchable: false }
}

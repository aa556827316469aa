use std::collections::VecDeque;

use bytes::BytesMut;
use model::{Deliver, Io};

use crate::codec::{self, Begin, End, Flow, Performative};
use crate::endpoint::Endpoint;
use crate::error::{ClientError, SessionError, Wrong};
use crate::unsettled::Unsettled;

/// Transfer frames that a peer may send before it has to wait for a flow.
pub(crate) const INCOMING_WINDOW: u32 = 4_096;
/// What is said of the transfers that this side would like to send.
const OUTGOING_WINDOW: u32 = i32::MAX as u32;
/// The highest handle of a session.
pub(crate) const HANDLE_MAX: u32 = 1_023;

/// One session (2.5), by its channel, which is the same in both directions.
pub(crate) struct Session {
    /// Which of the connection's sessions it is.
    pub(crate) number: u32,
    /// This side has ended it with an error; the peer has not yet.
    pub(crate) refused: bool,
    next_incoming_id: u32,
    /// Transfers that the peer may still send.
    incoming_window: u32,
    next_outgoing_id: u32,
    /// Transfers that the peer still takes.
    remote_window: u32,
    remote_handle_max: u32,
    /// Places of links, by the peer's handles and by ours.
    pub(crate) inputs: Vec<Option<u16>>,
    outputs: Vec<bool>,
    pub(crate) unsettled: Unsettled,
    /// Deliveries that wait for the peer's window, in order.
    pub(crate) waiting: VecDeque<Waiting>,
}

/// A delivery of which the peer's window takes nothing more for now.
pub(crate) struct Waiting {
    pub(crate) link: u16,
    pub(crate) deliver: Box<Deliver>,
    /// What was sent already, and the bytes of it.
    pub(crate) begun: Option<Begun>,
}

/// A delivery that was sent in part.
pub(crate) struct Begun {
    pub(crate) id: u32,
    /// All of its payload, in pieces.
    pub(crate) payload: model::Body,
    pub(crate) sent: usize,
}

impl Session {
    fn new(number: u32, begin: &Begin) -> Self {
        Self {
            number,
            refused: false,
            next_incoming_id: begin.next_outgoing_id,
            incoming_window: INCOMING_WINDOW,
            next_outgoing_id: 0,
            remote_window: begin.incoming_window,
            remote_handle_max: begin.handle_max,
            inputs: Vec::new(),
            outputs: Vec::new(),
            unsettled: Unsettled::default(),
            waiting: VecDeque::new(),
        }
    }

    /// The place of the link that has this handle of the peer.
    #[inline]
    pub(crate) fn link(&self, handle: u32) -> Result<u16, SessionError> {
        self.inputs.get(handle as usize).copied().flatten().ok_or(SessionError::Unattached(handle))
    }

    /// A handle of ours that is free, and that the peer can take.
    pub(crate) fn free_output(&mut self) -> Result<u32, SessionError> {
        let at = self.outputs.iter().position(|taken| !taken).unwrap_or(self.outputs.len());
        if at as u64 > u64::from(self.remote_handle_max.min(HANDLE_MAX)) {
            return Err(SessionError::NoHandle(self.remote_handle_max));
        }
        if at == self.outputs.len() {
            self.outputs.push(false);
        }
        self.outputs[at] = true;
        Ok(at as u32)
    }

    pub(crate) fn give_back_output(&mut self, handle: u32) {
        if let Some(taken) = self.outputs.get_mut(handle as usize) {
            *taken = false;
        }
    }

    /// A transfer frame came in. True if the peer must be told of its window.
    #[inline]
    pub(crate) fn received(&mut self) -> Result<bool, SessionError> {
        self.incoming_window = self.incoming_window.checked_sub(1).ok_or(SessionError::Window)?;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        Ok(self.incoming_window < INCOMING_WINDOW / 2)
    }

    /// Takes room for one transfer in the peer's window.
    #[inline]
    pub(crate) fn send(&mut self) -> bool {
        if self.remote_window == 0 {
            return false;
        }
        self.remote_window -= 1;
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        true
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.remote_window > 0
    }

    /// What a flow says of the session (2.5.6).
    pub(crate) fn flow(&mut self, flow: &Flow) {
        // A peer that has not yet seen our begin counts from our first id.
        let known = flow.next_incoming_id.unwrap_or(0);
        let on_the_way = self.next_outgoing_id.wrapping_sub(known);
        self.remote_window = flow.incoming_window.saturating_sub(on_the_way);
        self.next_incoming_id = flow.next_outgoing_id;
    }

    /// The session's half of a flow. The whole window is open again.
    pub(crate) fn state(&mut self) -> Flow {
        self.incoming_window = INCOMING_WINDOW;
        Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_window,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: OUTGOING_WINDOW,
            ..Flow::default()
        }
    }
}

impl Endpoint {
    pub(crate) fn begin(&mut self, channel: u16, begin: &Begin, io: &mut Io<'_>) -> Result<(), ClientError> {
        if channel > self.channel_max {
            return Err(ClientError::ChannelMax { channel, max: self.channel_max });
        }
        if begin.remote_channel.is_some() {
            return Err(ClientError::RemoteChannel);
        }
        let at = usize::from(channel);
        if self.sessions.len() <= at {
            self.sessions.resize_with(at + 1, || None);
        }
        if self.sessions[at].is_some() {
            return Err(ClientError::SecondBegin(channel));
        }
        self.begun = self.begun.wrapping_add(1);
        self.sessions[at] = Some(Box::new(Session::new(self.begun, begin)));
        let mut answer = Begin::new(0, INCOMING_WINDOW, OUTGOING_WINDOW);
        answer.remote_channel = Some(channel);
        answer.handle_max = HANDLE_MAX;
        write(channel, Performative::Begin(Box::new(answer)), io);
        Ok(())
    }

    /// The peer ends its session, and answers an end of ours by it.
    pub(crate) fn end(&mut self, channel: u16, io: &mut Io<'_>) -> Result<(), ClientError> {
        let refused = self.session(channel)?.refused;
        if !refused {
            self.leave_all(channel, io);
            write(channel, Performative::End(End::default()), io);
        }
        self.sessions[usize::from(channel)] = None;
        Ok(())
    }

    /// Ends a session whose peer did something wrong.
    pub(crate) fn refuse_session(&mut self, channel: u16, error: &SessionError, io: &mut Io<'_>) {
        self.leave_all(channel, io);
        if let Ok(session) = self.session(channel) {
            session.refused = true;
        }
        write(channel, Performative::End(End { error: Some(error.told()) }), io);
    }

    /// All links of a session are over.
    fn leave_all(&mut self, channel: u16, io: &mut Io<'_>) {
        let links: Vec<u16> =
            self.links.iter().filter(|(_, link)| link.channel == Some(channel)).map(|(index, _)| index).collect();
        for index in links {
            self.leave(index, None, io);
        }
        if let Ok(session) = self.session(channel) {
            (session.inputs, session.outputs) = (Vec::new(), Vec::new());
            session.waiting.clear();
        }
    }

    pub(crate) fn flow(&mut self, channel: u16, flow: &Flow, io: &mut Io<'_>) -> Result<(), Wrong> {
        let session = self.session(channel)?;
        session.flow(flow);
        match flow.handle {
            Some(handle) => {
                let link = session.link(handle)?;
                self.link_flow(channel, link, flow, io)?;
            }
            None if flow.echo => {
                let state = session.state();
                codec::encode_flow(io.output.buffer(), channel, &state);
            }
            None => {}
        }
        self.send_waiting(channel, io);
        Ok(())
    }

    pub(crate) fn session(&mut self, channel: u16) -> Result<&mut Session, ClientError> {
        self.sessions
            .get_mut(usize::from(channel))
            .and_then(Option::as_deref_mut)
            .ok_or(ClientError::NoSession(channel))
    }
}

/// Writes a frame without payload.
pub(crate) fn write(channel: u16, performative: Performative, io: &mut Io<'_>) {
    write_to(channel, &performative, io.output.buffer());
}

pub(crate) fn write_to(channel: u16, performative: &Performative, out: &mut BytesMut) {
    codec::encode(out, channel, performative, &[]);
}

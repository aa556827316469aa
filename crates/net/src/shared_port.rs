//! Several protocols on one port: the first bytes tell which one a connection speaks.

use std::sync::Arc;

use bytes::BytesMut;
use model::{Alarm, CloseReason, Connection, Effect, Io, Misbehaviour, Peer, Protocol, Recognised, Time};

/// Bytes after which somebody must know his protocol.
const LONGEST_BEGINNING: usize = 64;

/// A protocol that is one of several, asked in order. What nobody knows goes to the first, which refuses it in its own
/// words.
pub struct SharedPort {
    name: &'static str,
    protocols: Arc<[Arc<dyn Protocol>]>,
    /// Milliseconds until a peer must have said which one it speaks.
    login_timeout: u64,
}

impl SharedPort {
    /// # Panics
    ///
    /// Without any protocol.
    pub fn new(name: &'static str, protocols: Vec<Arc<dyn Protocol>>, login_timeout: u64) -> Self {
        assert!(!protocols.is_empty(), "a port that speaks nothing");
        Self { name, protocols: protocols.into(), login_timeout }
    }
}

impl Protocol for SharedPort {
    fn name(&self) -> &'static str {
        self.name
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        let answers = self.protocols.iter().map(|protocol| protocol.recognise(first));
        answers.fold(Recognised::No, |best, answer| match (best, answer) {
            (Recognised::Yes, _) | (_, Recognised::Yes) => Recognised::Yes,
            (Recognised::NeedMore, _) | (_, Recognised::NeedMore) => Recognised::NeedMore,
            (Recognised::No, Recognised::No) => Recognised::No,
        })
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        Box::new(Unknown {
            protocols: self.protocols.clone(),
            peer: peer.clone(),
            login_timeout: self.login_timeout,
            since: None,
            alarm: None,
            known: None,
        })
    }
}

/// A connection, at first of an unknown protocol.
struct Unknown {
    protocols: Arc<[Arc<dyn Protocol>]>,
    peer: Peer,
    login_timeout: u64,
    since: Option<Time>,
    /// The last that was heard of an alarm before anybody could be told.
    alarm: Option<Alarm>,
    known: Option<Box<dyn Connection>>,
}

impl Unknown {
    fn recognised(&self, first: &[u8]) -> Option<&Arc<dyn Protocol>> {
        let mut may_be = false;
        for protocol in self.protocols.iter() {
            match protocol.recognise(first) {
                Recognised::Yes => return Some(protocol),
                Recognised::NeedMore => may_be = true,
                Recognised::No => {}
            }
        }
        if may_be && first.len() < LONGEST_BEGINNING { None } else { self.protocols.first() }
    }
}

impl Connection for Unknown {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if self.known.is_none() {
            let Some(protocol) = self.recognised(input) else { return Ok(()) };
            let mut connection = protocol.open(&self.peer);
            if let Some(alarm) = self.alarm.take() {
                connection.apply(now, Effect::Throttle { reason: Some(alarm) }, io);
            }
            self.known = Some(connection);
        }
        self.known.as_mut().map_or(Ok(()), |connection| connection.receive(now, input, io))
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        match (&mut self.known, effect) {
            (Some(connection), effect) => connection.apply(now, effect, io),
            (None, Effect::Throttle { reason }) => self.alarm = reason,
            // It has asked for nothing yet.
            (None, Effect::Close { .. }) => *io.finished = true,
            (None, _) => {}
        }
    }

    fn flushed(&mut self, bytes: usize, io: &mut Io<'_>) {
        if let Some(connection) = &mut self.known {
            connection.flushed(bytes, io);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match &self.known {
            Some(connection) => connection.poll_timeout(),
            // The clock is not known before the first call.
            None => Some(self.since.map_or(Time::ZERO, |since| since.plus(self.login_timeout))),
        }
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if let Some(connection) = &mut self.known {
            return connection.handle_timeout(now, io);
        }
        let since = *self.since.get_or_insert(now);
        if since.plus(self.login_timeout) <= now {
            return Err(Misbehaviour("said nothing in time".into()));
        }
        Ok(())
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        if let Some(connection) = &mut self.known {
            connection.close(reason, io);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Commands, Output};

    use super::*;

    /// Speaks after its own beginning, and says what it is told.
    struct Beginning(&'static [u8]);
    struct Speaking(&'static [u8]);

    impl Protocol for Beginning {
        fn name(&self) -> &'static str {
            "beginning"
        }

        fn recognise(&self, first: &[u8]) -> Recognised {
            match first.len() < self.0.len() {
                _ if !first.iter().zip(self.0).all(|(a, b)| a == b) => Recognised::No,
                true => Recognised::NeedMore,
                false => Recognised::Yes,
            }
        }

        fn open(&self, _peer: &Peer) -> Box<dyn Connection> {
            Box::new(Speaking(self.0))
        }
    }

    impl Connection for Speaking {
        fn receive(&mut self, _now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
            io.output.buffer().extend_from_slice(self.0);
            io.output.buffer().extend_from_slice(b":");
            io.output.buffer().extend_from_slice(&input.split());
            Ok(())
        }

        fn apply(&mut self, _now: Time, effect: Effect, io: &mut Io<'_>) {
            io.output.buffer().extend_from_slice(format!("{effect:?} ").as_bytes());
        }

        fn flushed(&mut self, _bytes: usize, _io: &mut Io<'_>) {}

        fn poll_timeout(&self) -> Option<Time> {
            None
        }

        fn handle_timeout(&mut self, _now: Time, _io: &mut Io<'_>) -> Result<(), Misbehaviour> {
            Ok(())
        }

        fn close(&mut self, _reason: CloseReason, _io: &mut Io<'_>) {}
    }

    fn opened() -> Box<dyn Connection> {
        let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Beginning(b"ab1")), Arc::new(Beginning(b"ab2"))];
        let peer = Peer::local("both");
        SharedPort::new("both", protocols, 1_000).open(&peer)
    }

    /// What is answered to `pieces`.
    fn answers(connection: &mut dyn Connection, pieces: &[&[u8]]) -> String {
        let (mut commands, mut output, mut finished) = (Commands::default(), Output::default(), false);
        let mut io = Io { commands: &mut commands, output: &mut output, finished: &mut finished };
        let mut input = BytesMut::new();
        for piece in pieces {
            input.extend_from_slice(piece);
            connection.receive(Time(1), &mut input, &mut io).unwrap();
        }
        String::from_utf8_lossy(output.buffer()).into_owned()
    }

    #[test]
    fn the_first_bytes_choose_however_they_arrive() {
        assert_eq!(answers(opened().as_mut(), &[b"ab2x"]), "ab2:ab2x");
        assert_eq!(answers(opened().as_mut(), &[b"a", b"b", b"1"]), "ab1:ab1");
        assert_eq!(answers(opened().as_mut(), &[b"ab2", b"more"]), "ab2:ab2ab2:more");
    }

    #[test]
    fn what_nobody_knows_is_refused_by_the_first() {
        assert_eq!(answers(opened().as_mut(), &[b"GET /"]), "ab1:GET /");
        assert_eq!(answers(opened().as_mut(), &[b"ab", b"3"]), "ab1:ab3");
    }

    #[test]
    fn an_alarm_from_before_is_told() {
        let mut connection = opened();
        let (mut commands, mut output, mut finished) = (Commands::default(), Output::default(), false);
        let mut io = Io { commands: &mut commands, output: &mut output, finished: &mut finished };
        let alarm = Alarm { short_of: model::Resource::Disk, culprit: None };
        connection.apply(Time(1), Effect::Throttle { reason: Some(alarm) }, &mut io);
        let told = "Throttle { reason: Some(Alarm { short_of: Disk, culprit: None }) } ab1:ab1";
        assert_eq!(answers(connection.as_mut(), &[b"ab1"]), told);
    }

    #[test]
    fn who_says_nothing_is_sent_away() {
        let mut connection = opened();
        let (mut commands, mut output, mut finished) = (Commands::default(), Output::default(), false);
        let mut io = Io { commands: &mut commands, output: &mut output, finished: &mut finished };
        assert_eq!(connection.poll_timeout(), Some(Time::ZERO));
        connection.handle_timeout(Time(5_000), &mut io).unwrap();
        assert_eq!(connection.poll_timeout(), Some(Time(6_000)));
        connection.handle_timeout(Time(5_999), &mut io).unwrap();
        connection.handle_timeout(Time(6_000), &mut io).unwrap_err();
    }
}

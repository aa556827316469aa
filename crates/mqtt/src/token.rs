use model::Token;

/// What a reply belongs to, packed into the broker's token: 8 bits kind, then two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Its outcome changes nothing.
    Ignored,
    /// Who the client is.
    Login,
    /// Whether it may be here at all.
    Access,
    Claim,
    /// Whether there is an earlier session, for one that is not kept.
    FindSession,
    /// The end of an earlier session, for one that is not kept.
    DropSession,
    DeclareSession,
    /// The session's consumer.
    ConsumeSession,
    /// A PUBLISH of QoS 1, to be answered with PUBACK.
    PubAck(u16),
    /// A PUBLISH of QoS 2, to be answered with PUBREC.
    PubRec(u16),
    /// A PUBREL, to be answered with PUBCOMP.
    PubRel(u16),
    /// A PUBREC of ours to answer with PUBREL.
    Decide(u16),
    /// One filter of a SUBSCRIBE: which SUBSCRIBE, which filter.
    Subscribe(u32, u16),
    /// One filter of an UNSUBSCRIBE.
    Unsubscribe(u32),
    /// The consumer of a `$queue/…` subscription, by its place.
    ConsumeQueue(u16),
    /// Comes after everything that a cancelled consumer was sent.
    CancelQueue(u16),
}

impl Request {
    pub(crate) fn token(self) -> Token {
        let pack = |kind: u64, a: u32, b: u16| Token(kind << 56 | u64::from(a) << 16 | u64::from(b));
        match self {
            Self::Ignored => pack(0, 0, 0),
            Self::Claim => pack(1, 0, 0),
            Self::DeclareSession => pack(2, 0, 0),
            Self::ConsumeSession => pack(3, 0, 0),
            Self::PubAck(id) => pack(4, 0, id),
            Self::PubRec(id) => pack(5, 0, id),
            Self::PubRel(id) => pack(6, 0, id),
            Self::Decide(id) => pack(7, 0, id),
            Self::Subscribe(a, b) => pack(8, a, b),
            Self::Unsubscribe(a) => pack(9, a, 0),
            Self::DropSession => pack(10, 0, 0),
            Self::ConsumeQueue(at) => pack(11, 0, at),
            Self::CancelQueue(at) => pack(12, 0, at),
            Self::Login => pack(13, 0, 0),
            Self::Access => pack(14, 0, 0),
            Self::FindSession => pack(15, 0, 0),
        }
    }

    pub(crate) fn of(token: Token) -> Self {
        let (a, b) = ((token.0 >> 16) as u32, token.0 as u16);
        match token.0 >> 56 {
            1 => Self::Claim,
            2 => Self::DeclareSession,
            3 => Self::ConsumeSession,
            4 => Self::PubAck(b),
            5 => Self::PubRec(b),
            6 => Self::PubRel(b),
            7 => Self::Decide(b),
            8 => Self::Subscribe(a, b),
            9 => Self::Unsubscribe(a),
            10 => Self::DropSession,
            11 => Self::ConsumeQueue(b),
            12 => Self::CancelQueue(b),
            13 => Self::Login,
            14 => Self::Access,
            15 => Self::FindSession,
            _ => Self::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_its_request() {
        use Request::*;
        let all = [
            Ignored,
            Login,
            Access,
            Claim,
            FindSession,
            DropSession,
            DeclareSession,
            ConsumeSession,
            PubAck(65535),
            PubRec(1),
            PubRel(7),
            Decide(9),
            Subscribe(u32::MAX, u16::MAX),
            Unsubscribe(5),
            Unsubscribe(u32::MAX),
            ConsumeQueue(999),
            CancelQueue(u16::MAX),
        ];
        for request in all {
            assert_eq!(Request::of(request.token()), request);
        }
    }
}

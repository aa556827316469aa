use model::Token;

/// One opening of a channel: its number, and how many were opened before it on this connection, so that an answer for
/// a channel that is gone cannot reach its successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelId {
    pub(crate) number: u16,
    /// 40 bits.
    pub(crate) opening: u64,
}

/// What a reply belongs to, packed into the broker's token: 8 bits kind, 16 bits channel number, 40 bits opening or
/// consumer. Answers come in the order of the questions, so a channel needs no numbers for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Its outcome changes nothing.
    Ignored,
    /// A publish in confirm mode: the next one that is not answered.
    Confirm(ChannelId),
    /// A publish without confirms: only a refusal is answered.
    Unconfirmed(ChannelId),
    /// The channel's oldest open question.
    Channel(ChannelId),
    /// A consumer, by its index.
    Consume(u32),
    Get(u32),
    /// Comes after everything that cancelled consumers were sent.
    Fence,
    /// Who the client is.
    Login,
    /// Whether it may use its virtual host.
    Access,
}

const OPENING_BITS: u32 = 40;
const NUMBER_BITS: u32 = 16;

impl Request {
    pub(crate) fn token(self) -> Token {
        let pack = |kind: u64, id: ChannelId| {
            Token(kind << (OPENING_BITS + NUMBER_BITS) | u64::from(id.number) << OPENING_BITS | id.opening)
        };
        let index = |index: u32| ChannelId { number: 0, opening: index.into() };
        match self {
            Self::Ignored => pack(0, ChannelId::default()),
            Self::Confirm(id) => pack(1, id),
            Self::Unconfirmed(id) => pack(2, id),
            Self::Channel(id) => pack(3, id),
            Self::Consume(consumer) => pack(4, index(consumer)),
            Self::Get(consumer) => pack(5, index(consumer)),
            Self::Fence => pack(6, ChannelId::default()),
            Self::Login => pack(7, ChannelId::default()),
            Self::Access => pack(8, ChannelId::default()),
        }
    }

    pub(crate) fn of(token: Token) -> Self {
        let opening = token.0 & ((1 << OPENING_BITS) - 1);
        let id = ChannelId { number: (token.0 >> OPENING_BITS) as u16, opening };
        match token.0 >> (OPENING_BITS + NUMBER_BITS) {
            1 => Self::Confirm(id),
            2 => Self::Unconfirmed(id),
            3 => Self::Channel(id),
            4 => Self::Consume(opening as u32),
            5 => Self::Get(opening as u32),
            6 => Self::Fence,
            7 => Self::Login,
            8 => Self::Access,
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
        let last = ChannelId { number: u16::MAX, opening: (1 << OPENING_BITS) - 1 };
        let first = ChannelId { number: 1, opening: 0 };
        let all = [
            Ignored,
            Confirm(last),
            Confirm(first),
            Unconfirmed(last),
            Channel(first),
            Consume(0),
            Consume(u32::MAX),
            Get(7),
            Fence,
            Login,
            Access,
        ];
        for request in all {
            assert_eq!(Request::of(request.token()), request);
        }
    }
}

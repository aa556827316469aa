use model::Token;

use crate::links::LinkRef;

/// What a reply belongs to, packed into the broker's token: 8 bits kind, 24 bits link, 32 bits number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Its outcome changes nothing.
    Ignored,
    /// Who the peer is.
    Login,
    /// Whether it may be here.
    Access,
    /// The container id.
    Claim,
    /// A step on the way to the answer to an attach: the node, and for a receiver the consumer.
    Attach(LinkRef),
    /// A subscription's binding.
    Bind(LinkRef),
    /// Comes after everything that a cancelled consumer was sent.
    Left(LinkRef),
    /// The end of a node that a detach has ended.
    Deleted(LinkRef),
    /// An unsettled transfer, by its delivery id.
    Publish(LinkRef, u32),
    /// The same in a transaction.
    Stage(LinkRef, u32),
    /// A settled transfer: only a refusal is answered.
    Quiet(LinkRef),
    /// A disposition of the peer that waits for ours, by its number.
    Settle(u32),
    /// A discharge, by the transaction.
    Discharge(LinkRef, u32),
}

impl Request {
    pub(crate) fn token(self) -> Token {
        let pack = |kind: u64, link: LinkRef, number: u32| Token(kind << 56 | link.bits() << 32 | u64::from(number));
        let none = LinkRef::default();
        match self {
            Self::Ignored => pack(0, none, 0),
            Self::Claim => pack(1, none, 0),
            Self::Attach(link) => pack(2, link, 0),
            Self::Bind(link) => pack(3, link, 0),
            Self::Left(link) => pack(4, link, 0),
            Self::Deleted(link) => pack(5, link, 0),
            Self::Publish(link, id) => pack(6, link, id),
            Self::Stage(link, id) => pack(7, link, id),
            Self::Quiet(link) => pack(8, link, 0),
            Self::Settle(number) => pack(9, none, number),
            Self::Discharge(link, transaction) => pack(10, link, transaction),
            Self::Login => pack(11, none, 0),
            Self::Access => pack(12, none, 0),
        }
    }

    pub(crate) fn of(token: Token) -> Self {
        let (link, number) = (LinkRef::of_bits(token.0 >> 32), token.0 as u32);
        match token.0 >> 56 {
            1 => Self::Claim,
            2 => Self::Attach(link),
            3 => Self::Bind(link),
            4 => Self::Left(link),
            5 => Self::Deleted(link),
            6 => Self::Publish(link, number),
            7 => Self::Stage(link, number),
            8 => Self::Quiet(link),
            9 => Self::Settle(number),
            10 => Self::Discharge(link, number),
            11 => Self::Login,
            12 => Self::Access,
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
        let link = LinkRef { index: u16::MAX, generation: 7 };
        let other = LinkRef { index: 1, generation: u8::MAX };
        let all = [
            Ignored,
            Login,
            Access,
            Claim,
            Attach(link),
            Bind(other),
            Left(link),
            Deleted(other),
            Publish(link, u32::MAX),
            Stage(other, 0),
            Quiet(link),
            Settle(u32::MAX),
            Discharge(other, 9),
        ];
        for request in all {
            assert_eq!(Request::of(request.token()), request);
        }
    }
}

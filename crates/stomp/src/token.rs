use model::Token;

/// What a reply belongs to, packed into the broker's token: 8 bits kind, then a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Its outcome changes nothing.
    Ignored,
    /// Who the client is.
    Login,
    /// Whether it may be here.
    Access,
    /// A client id.
    Claim,
    /// A SEND without a receipt: only a refusal is answered.
    Send,
    /// A SEND, by the number of its receipt.
    Receipt(u64),
    /// An ACK or NACK, by the number of its receipt: what is no longer there is settled too.
    Settle(u64),
    /// A COMMIT or ABORT, by the number of its receipt, or 0.
    End(u64),
    /// A step on the way to a subscription, by its slot.
    Prepare(u64),
    /// The queue of a subscription that others may have made.
    Declare(u64),
    /// The binding of a queue that may have messages already.
    Bind(u64),
    /// The consumer.
    Consume(u64),
    /// Comes after everything that a cancelled consumer was sent.
    Leave(u64),
    /// The end of a durable subscription that nobody here consumes, by the number of its receipt, or 0.
    Forget(u64),
    /// Comes after everything else that was asked.
    Disconnect,
}

const NUMBER_BITS: u32 = 56;

impl Request {
    pub(crate) fn token(self) -> Token {
        let (kind, number) = match self {
            Self::Ignored => (0, 0),
            Self::Claim => (1, 0),
            Self::Send => (2, 0),
            Self::Receipt(number) => (3, number),
            Self::Settle(number) => (4, number),
            Self::End(number) => (5, number),
            Self::Prepare(slot) => (6, slot),
            Self::Declare(slot) => (7, slot),
            Self::Consume(slot) => (8, slot),
            Self::Leave(slot) => (9, slot),
            Self::Forget(number) => (10, number),
            Self::Disconnect => (11, 0),
            Self::Login => (12, 0),
            Self::Access => (13, 0),
            Self::Bind(slot) => (14, slot),
        };
        Token(kind << NUMBER_BITS | number)
    }

    pub(crate) fn of(token: Token) -> Self {
        let number = token.0 & ((1 << NUMBER_BITS) - 1);
        match token.0 >> NUMBER_BITS {
            1 => Self::Claim,
            2 => Self::Send,
            3 => Self::Receipt(number),
            4 => Self::Settle(number),
            5 => Self::End(number),
            6 => Self::Prepare(number),
            7 => Self::Declare(number),
            8 => Self::Consume(number),
            9 => Self::Leave(number),
            10 => Self::Forget(number),
            11 => Self::Disconnect,
            12 => Self::Login,
            13 => Self::Access,
            14 => Self::Bind(number),
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
            Send,
            Receipt(1),
            Receipt((1 << NUMBER_BITS) - 1),
            Settle(7),
            End(0),
            Prepare(3),
            Declare(9),
            Bind(5),
            Consume(65_535),
            Leave(4),
            Forget(2),
            Disconnect,
        ];
        for request in all {
            assert_eq!(Request::of(request.token()), request);
        }
    }
}

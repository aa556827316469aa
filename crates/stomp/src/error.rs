use bytes::BytesMut;
use model::{Misbehaviour, Refusal};

use crate::codec::{Command, FrameWriter, Malformed, Version};
use crate::destination::NoDestination;

/// Bytes of a client's text that ERROR says again.
const QUOTED: usize = 200;

/// Why a connection ends with ERROR (1.2, "ERROR"). The text is the body of that frame: it names the frame, the header and
/// its value, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("A second {0}: a connection has one.")]
    SecondConnect(Command),
    #[error("{0} is a frame that servers send, not clients.")]
    NotForClients(Command),
    #[error("accept-version:{0} has none of the versions that this server speaks: 1.0, 1.1 and 1.2.")]
    Version(String),
    #[error("{0} has no {1} header. {2}")]
    MissingHeader(Command, &'static str, &'static str),
    #[error("{0} has {1}:{2}. {3}")]
    WrongHeader(Command, &'static str, String, &'static str),
    #[error("{0} has destination:{1}, {2}.")]
    Destination(Command, String, &'static str),
    #[error("{0} has destination:{1}, which is a queue of some client's session or subscription, and of nobody else.")]
    NotForAll(Command, String),
    #[error(
        "SUBSCRIBE has id:{0}, but this connection has a subscription with that id. Ids are free after UNSUBSCRIBE."
    )]
    DoubleSubscription(String),
    #[error("{0} names the subscription {1:?}, which this connection does not have.")]
    NoSubscription(Command, String),
    #[error("BEGIN has transaction:{0}, but this connection has an open transaction of that name.")]
    DoubleTransaction(String),
    #[error("{0} has transaction:{1}, but this connection has no open transaction of that name: BEGIN opens one.")]
    NoTransaction(Command, String),
    #[error(
        "{0} has {1}:{2}, which names no message that waits for an acknowledgement: it was never delivered here, or is \
         acknowledged, or its subscription has ended or has ack:auto."
    )]
    NoDelivery(Command, &'static str, String),
    #[error("NACK came in a connection of STOMP 1.0, which has no such frame.")]
    NackIn10,
    #[error("More than {1} {0} in one connection.")]
    TooMany(&'static str, u64),
    /// Whatever was wrong with what it has shown.
    #[error("Access refused for user '{0}'.")]
    Login(String),
    #[error("Virtual host '{0}' access denied.")]
    Host(String),
    #[error("{0} was refused: {1}.")]
    Refused(&'static str, Refusal),
    #[error("The subscription to {0} was ended by the server: {1}.")]
    Cancelled(String, Refusal),
    #[error("Nothing came for twice the {0} ms in which heart-beats were agreed upon.")]
    HeartBeat(u64),
    #[error("CONNECT did not come within {0} ms.")]
    SaidNothing(u64),
    #[error("The server could not answer CONNECT in time.")]
    NoAnswer,
    #[error("More than {0} bytes came before CONNECTED.")]
    Impatient(usize),
    #[error("The server ends this connection: {0}.")]
    Ended(&'static str),
}

impl ClientError {
    pub(crate) fn wrong_header(
        command: Command,
        header: &'static str,
        value: impl AsRef<str>,
        allowed: &'static str,
    ) -> Self {
        Self::WrongHeader(command, header, quote(value.as_ref()), allowed)
    }

    pub(crate) fn no_delivery(command: Command, header: &'static str, value: &str) -> Self {
        Self::NoDelivery(command, header, quote(value))
    }

    pub(crate) fn no_subscription(command: Command, id: &str) -> Self {
        Self::NoSubscription(command, quote(id))
    }

    pub(crate) fn destination(command: Command, text: &str, why: NoDestination) -> Self {
        let why = match why {
            NoDestination::Unknown => {
                "which has no known beginning. There are /queue/NAME, /topic/KEY, /exchange/NAME/KEY, /amq/queue/NAME, \
                 /temp-queue/NAME, /temp-topic/NAME, /remote-temp-queue/NAME, /remote-temp-topic/KEY and \
                 /reply-queue/NAME; a name without a slash in front is a queue"
            }
            NoDestination::NoName => "which ends before its name",
            NoDestination::TooLong => "whose name is too long: queues have up to 1024 bytes, topics up to 65535",
        };
        Self::Destination(command, quote(text), why)
    }

    /// A few words for the `message` header.
    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.title(),
            Self::SecondConnect(_) => "Already connected",
            Self::NotForClients(_) => "Not for clients",
            Self::Version(_) => "Supported protocol versions are 1.0,1.1,1.2",
            Self::MissingHeader(..) => "Header missing",
            Self::WrongHeader(..) => "Wrong header",
            Self::Destination(..) => "Unknown destination",
            Self::NotForAll(..) => "Private destination",
            Self::DoubleSubscription(_) => "Duplicate subscription",
            Self::NoSubscription(..) => "Subscription not found",
            Self::DoubleTransaction(_) => "Duplicate transaction",
            Self::NoTransaction(..) => "Transaction not found",
            Self::NoDelivery(..) => "Message not found",
            Self::NackIn10 => "NACK is not in STOMP 1.0",
            Self::TooMany(..) => "Too many",
            Self::Login(_) | Self::Host(_) => "Bad CONNECT",
            Self::Refused(_, Refusal::Denied(_)) => "Access refused",
            Self::Refused(_, Refusal::LoginUnavailable(_)) => "Login unavailable",
            Self::Refused(..) => "Refused",
            Self::Cancelled(..) => "Subscription ended",
            Self::HeartBeat(_) => "Heart-beat missed",
            Self::SaidNothing(_) | Self::NoAnswer => "Time-out",
            Self::Impatient(_) => "Too much before CONNECTED",
            Self::Ended(_) => "Connection ended",
        }
    }

    /// Writes ERROR. `receipt` is the value of the frame's `receipt` header, as it came.
    pub(crate) fn write(&self, version: Version, receipt: Option<&[u8]>, out: &mut BytesMut) {
        let mut writer = FrameWriter::new(Command::Error, version, out);
        writer.header("message", self.title().as_bytes());
        if let Some(receipt) = receipt {
            writer.begin("receipt-id").extend_from_slice(receipt);
            writer.end_line();
        }
        if let Self::Version(_) = self {
            writer.header("version", b"1.0,1.1,1.2");
        }
        writer.header("content-type", b"text/plain");
        writer.body(format!("{self}\n").as_bytes());
    }
}

impl From<ClientError> for Misbehaviour {
    fn from(error: ClientError) -> Self {
        Self(error.to_string())
    }
}

/// Enough of a client's text to know it again.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

use model::{Misbehaviour, Refusal};

use crate::codec::{Kind, Malformed};

/// How a client breaks the protocol. MQTT 3.1.1 has one answer to all of them: the connection closes (4.8), after a
/// CONNACK that refuses where it is CONNECT that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a second CONNECT [MQTT-3.1.0-2]")]
    SecondConnect,
    #[error("{0} is for servers to send")]
    NotForClients(Kind),
    #[error("an empty client id with a session to keep [MQTT-3.1.3-8]")]
    NoClientId,
    #[error("a client id of {0} bytes")]
    LongClientId(usize),
    #[error("a user name without a password")]
    NoPassword,
    #[error("said nothing before the login time-out")]
    SaidNothing,
    #[error("its session was not there before the login time-out")]
    NoAnswer,
    #[error("silent for one and a half times its keep-alive [MQTT-3.1.2-24]")]
    KeepAlive,
    #[error("more than {0} bytes before CONNACK")]
    Impatient(usize),
    #[error("over {0} filters in one packet")]
    TooManyFilters(usize),
    #[error("has no session: {0}")]
    NoSession(Refusal),
    #[error("its session was deleted")]
    SessionDeleted,
    /// MQTT 3.1.1 cannot refuse a PUBLISH: without an acknowledgement, the connection closes (3.3.5).
    #[error("its PUBLISH was refused: {0}")]
    Refused(Refusal),
}

impl From<ClientError> for Misbehaviour {
    fn from(error: ClientError) -> Self {
        Self(error.to_string())
    }
}

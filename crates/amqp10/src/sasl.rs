//! The SASL layer (5.3). Every credential is accepted; the mechanisms are there for what clients send.

use bytes::{Bytes, BytesMut};
use model::Io;

use crate::codec::{self, SaslCode, SaslFrame, SaslInit, SaslOutcome, Symbol};
use crate::error::ClientError;

const PLAIN: Symbol = Symbol::from_static("PLAIN");
const ANONYMOUS: Symbol = Symbol::from_static("ANONYMOUS");

/// What the peer's next frame must be.
pub(crate) enum Sasl {
    Init,
    /// The answer to a challenge, for a PLAIN without an initial response.
    Response,
}

/// Names the mechanisms.
pub(crate) fn offer(io: &mut Io<'_>) -> Sasl {
    codec::encode_sasl(io.output.buffer(), &SaslFrame::Mechanisms(vec![PLAIN, ANONYMOUS]));
    Sasl::Init
}

impl Sasl {
    /// Takes a frame. `Some(true)`: the peer is who it says; `None`: the frame is not whole yet.
    pub(crate) fn receive(&mut self, input: &mut BytesMut, io: &mut Io<'_>) -> Result<Option<bool>, ClientError> {
        let Some(frame) = codec::decode_sasl(input)? else { return Ok(None) };
        match (&self, frame) {
            (Self::Init, SaslFrame::Init(SaslInit { mechanism, .. })) if mechanism == ANONYMOUS => {}
            (Self::Init, SaslFrame::Init(SaslInit { mechanism, initial_response: Some(response), .. }))
                if mechanism == PLAIN =>
            {
                check_plain(&response, io)?;
            }
            (Self::Init, SaslFrame::Init(SaslInit { mechanism, .. })) if mechanism == PLAIN => {
                codec::encode_sasl(io.output.buffer(), &SaslFrame::Challenge(Bytes::new()));
                *self = Self::Response;
                return Ok(Some(false));
            }
            (Self::Init, SaslFrame::Init(SaslInit { mechanism, .. })) => {
                answer(SaslCode::Auth, io);
                return Err(ClientError::Mechanism(mechanism.as_str().to_owned()));
            }
            (Self::Response, SaslFrame::Response(response)) => check_plain(&response, io)?,
            _ => return Err(ClientError::SaslOrder),
        }
        answer(SaslCode::Ok, io);
        Ok(Some(true))
    }
}

/// RFC 4616: authorisation id, name and password, with a NUL between each two.
fn check_plain(response: &[u8], io: &mut Io<'_>) -> Result<(), ClientError> {
    if response.iter().filter(|byte| **byte == 0).count() != 2 {
        answer(SaslCode::Auth, io);
        return Err(ClientError::PlainResponse);
    }
    Ok(())
}

fn answer(code: SaslCode, io: &mut Io<'_>) {
    codec::encode_sasl(io.output.buffer(), &SaslFrame::Outcome(SaslOutcome { code, additional_data: None }));
}

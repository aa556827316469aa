//! The two messages of a client (RFC 5802, 7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_MESSAGE;
use crate::users::MAX_NAME;

/// Bytes of a client's nonce.
const MAX_NONCE: usize = 256;

/// That is no message of this mechanism; the text says why, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed SCRAM message: {0}")]
pub struct MalformedScram(pub &'static str);

/// `n,a=authzid,n=user,r=nonce`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst {
    pub(super) header: String,
    pub(super) bare: String,
    pub(super) user: String,
    pub(super) nonce: String,
}

/// `c=base64 of the header,r=nonce,p=proof`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) header: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) without_proof: &'a str,
    pub(super) proof: [u8; 32],
}

impl ClientFirst {
    pub(super) fn parse(message: &[u8]) -> Result<Self, MalformedScram> {
        let text = text_of(message)?;
        let (binding, rest) = text.split_once(',').ok_or(MalformedScram("it has no header"))?;
        match binding {
            // "y": the client could bind the channel and thinks that the server cannot, which is so.
            "n" | "y" => {}
            _ if binding.starts_with("p=") => {
                return Err(MalformedScram("it wants channel binding, which is not offered"));
            }
            _ => return Err(MalformedScram("its header begins with neither n, y nor p")),
        }
        let (authzid, bare) = rest.split_once(',').ok_or(MalformedScram("its header has no end"))?;
        let header = format!("{binding},{authzid},");
        let mut parts = bare.split(',');
        let user = parts.next().and_then(|part| part.strip_prefix("n=")).ok_or(MalformedScram("it names no user"))?;
        let user = unescape(user)?;
        let nonce = parts.next().and_then(|part| part.strip_prefix("r=")).ok_or(MalformedScram("it has no nonce"))?;
        if user.is_empty() || user.len() > MAX_NAME {
            return Err(MalformedScram("the user's name is empty or too long"));
        }
        if nonce.is_empty() || nonce.len() > MAX_NONCE || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MalformedScram("its nonce is empty, too long or not printable"));
        }
        let acts_for_another = match authzid.strip_prefix("a=") {
            Some(other) => unescape(other)? != user,
            None if authzid.is_empty() => false,
            None => return Err(MalformedScram("its header names something unknown")),
        };
        if acts_for_another {
            return Err(MalformedScram("it wants to act for another user"));
        }
        Ok(Self { header, bare: bare.to_owned(), user, nonce: nonce.to_owned() })
    }
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, MalformedScram> {
        let text = text_of(message)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(MalformedScram("it has no proof"))?;
        let mut parts = without_proof.split(',');
        let header = parts.next().and_then(|part| part.strip_prefix("c=")).and_then(|part| STANDARD.decode(part).ok());
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        let proof = STANDARD.decode(proof).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            header: header.ok_or(MalformedScram("it does not begin with the header in base64"))?,
            nonce: nonce.ok_or(MalformedScram("it has no nonce"))?,
            without_proof,
            proof: proof.ok_or(MalformedScram("its proof is not 32 bytes of base64"))?,
        })
    }
}

fn text_of(message: &[u8]) -> Result<&str, MalformedScram> {
    if message.len() > MAX_MESSAGE {
        return Err(MalformedScram("it is too long"));
    }
    let text = core::str::from_utf8(message).map_err(|_| MalformedScram("it is not UTF-8"))?;
    if text.contains('\0') {
        return Err(MalformedScram("it has a NUL in it"));
    }
    Ok(text)
}

/// `=2C` is a comma and `=3D` an equals sign; no other may stand in a name.
fn unescape(name: &str) -> Result<String, MalformedScram> {
    let mut parts = name.split('=');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(MalformedScram("a name has an equals sign that is not escaped")),
        };
        out.push(letter);
        out.push_str(rest);
    }
    Ok(out)
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

//! CONNECT on the way in: where 3.1 and 3.1.1 differ most.

use bytes::Bytes;

use super::error::Malformed;
use super::header::{Kind, check_flags};
use super::packet::{Connect, Qos, Version, Will};
use super::reader::Reader;

/// Bits of the connect flags (3.1.2.3).
pub(super) mod flag {
    pub(in super::super) const RESERVED: u8 = 1;
    pub(in super::super) const CLEAN_SESSION: u8 = 1 << 1;
    pub(in super::super) const WILL: u8 = 1 << 2;
    /// Where the two bits of the will's QoS begin.
    pub(in super::super) const WILL_QOS_SHIFT: u8 = 3;
    pub(in super::super) const WILL_RETAIN: u8 = 1 << 5;
    pub(in super::super) const PASSWORD: u8 = 1 << 6;
    pub(in super::super) const USER_NAME: u8 = 1 << 7;
}

/// Decodes what follows the fixed header, whose first byte is `first`.
pub(super) fn decode(first: u8, body: Bytes) -> Result<Connect, Malformed> {
    let mut reader = Reader::new(Kind::Connect, body);
    let version = version(&mut reader)?;
    check_flags(Kind::Connect, first, version)?;
    let flags = Flags::read(reader.byte()?, version)?;
    let keep_alive = reader.u16()?;
    let client_id = reader.text()?;
    let will = match flags.will {
        Some(qos) => Some(Will {
            qos,
            retain: flags.has(flag::WILL_RETAIN),
            topic: reader.topic_name()?,
            payload: reader.field()?,
        }),
        None => None,
    };
    // "The Remaining Length field takes precedence over the User Name flag": MQTT 3.1 allows both strings to
    // be missing although their flags are set (3.1, "User name and password flags").
    let promised = |bit, reader: &Reader| flags.has(bit) && !(version == Version::V31 && reader.is_empty());
    let user_name = if promised(flag::USER_NAME, &reader) { Some(reader.text()?) } else { None };
    let password = if promised(flag::PASSWORD, &reader) { Some(reader.field()?) } else { None };
    reader.finish()?;
    Ok(Connect {
        version,
        clean_session: flags.has(flag::CLEAN_SESSION),
        keep_alive,
        client_id,
        will,
        user_name,
        password,
    })
}

/// Name and level; a level that does not belong to its name is one that is not spoken.
fn version(reader: &mut Reader) -> Result<Version, Malformed> {
    let name = reader.field()?;
    let version = match &name[..] {
        b"MQTT" => Version::V311,
        b"MQIsdp" => Version::V31,
        _ => return Err(Malformed::ProtocolName),
    };
    match reader.byte()? {
        level if level == version.level() => Ok(version),
        level => Err(Malformed::ProtocolLevel(level)),
    }
}

struct Flags {
    bits: u8,
    /// The QoS of the will, if there is one.
    will: Option<Qos>,
}

impl Flags {
    /// MQTT 3.1 disregards the reserved bit, and will QoS and retain without a will.
    fn read(bits: u8, version: Version) -> Result<Self, Malformed> {
        let strict = version != Version::V31;
        let has = |bit| bits & bit != 0;
        let will_qos = bits >> flag::WILL_QOS_SHIFT & 0b11;
        if strict && has(flag::RESERVED) {
            return Err(Malformed::ConnectReservedFlag);
        }
        if has(flag::PASSWORD) && !has(flag::USER_NAME) {
            return Err(Malformed::PasswordWithoutUserName);
        }
        if has(flag::WILL) {
            let qos = Qos::from_bits(will_qos).ok_or(Malformed::WillQos)?;
            return Ok(Self { bits, will: Some(qos) });
        }
        if strict && will_qos != 0 {
            return Err(Malformed::WillQosWithoutWill);
        }
        if strict && has(flag::WILL_RETAIN) {
            return Err(Malformed::WillRetainWithoutWill);
        }
        Ok(Self { bits, will: None })
    }

    const fn has(&self, bit: u8) -> bool {
        self.bits & bit != 0
    }
}

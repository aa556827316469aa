//! Whom a certificate names.

use model::Certificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Names of one certificate that are kept.
const MOST_NAMES: usize = 64;
/// Of one name.
const LONGEST_NAME: usize = 1_024;

/// What is read of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) certificate: Certificate,
    pub(super) dns_names: Vec<String>,
    /// Seconds since the Unix epoch.
    pub(super) ends: i64,
}

/// # Errors
/// It is no certificate; the text says why.
pub(super) fn read(der: &[u8]) -> Result<Named, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let mut named = Named { ends: certificate.validity().not_after.timestamp(), ..Named::default() };
    named.certificate.subject = rfc_4514(certificate.subject());
    // The most specific one is the last.
    let common_names = certificate.subject().iter_common_name().filter_map(text);
    named.certificate.common_name = common_names.last();
    let alternative = certificate.subject_alternative_name().ok().flatten();
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names).take(MOST_NAMES) {
        let text = match name {
            GeneralName::DNSName(name) => {
                named.dns_names.push((*name).to_owned());
                name
            }
            GeneralName::RFC822Name(name) | GeneralName::URI(name) => name,
            _ => continue,
        };
        if text.len() <= LONGEST_NAME {
            named.certificate.alternative_names.push((*text).to_owned());
        }
    }
    Ok(named)
}

/// When a revocation list says that the next one comes, in seconds since the Unix epoch; `None` if it does not.
///
/// # Errors
/// It is no revocation list; the text says why.
pub(super) fn next_update(der: &[u8]) -> Result<Option<i64>, String> {
    let (_, list) = CertificateRevocationList::from_der(der).map_err(|error| error.to_string())?;
    Ok(list.next_update().map(|time| time.timestamp()))
}

/// The distinguished name as in RFC 4514: the most specific part first.
fn rfc_4514(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name.iter().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type();
    match (oid2abbrev(id, oid_registry()), text(attribute)) {
        (Ok(kind), Some(value)) => format!("{kind}={}", escaped(&value)),
        (Err(_), Some(value)) => format!("{id}={}", escaped(&value)),
        // What is no text stands as its encoding (RFC 4514, 2.4).
        (_, None) => {
            let digits: String = attribute.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{id}=#{digits}")
        }
    }
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    attribute.as_str().ok().filter(|text| text.len() <= LONGEST_NAME).map(str::to_owned)
}

/// RFC 4514, 2.4.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                out.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:02X}")));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(parts: &[(DnType, &str)], names: &[SanType]) -> Named {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.subject_alt_names = names.to_vec();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = KeyPair::generate().unwrap();
        read(params.self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn subjects_are_written_as_in_rfc_4514() {
        let parts = [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Müller, Söhne + Co"),
            (DnType::CommonName, " #17\\\u{7} "),
        ];
        let named = certificate(&parts, &[]);
        assert_eq!(named.certificate.subject, r"CN=\ #17\\\07\ ,O=Müller\, Söhne \+ Co,C=DE");
        assert_eq!(named.certificate.common_name.as_deref(), Some(" #17\\\u{7} "));
        assert_eq!(named.ends, 1_927_843_200);
        assert_eq!(certificate(&[(DnType::CommonName, "#1")], &[]).certificate.subject, r"CN=\#1");
    }

    #[test]
    fn alternative_names() {
        let names = [
            SanType::DnsName("device.example".try_into().unwrap()),
            SanType::Rfc822Name("ops@example.com".try_into().unwrap()),
            SanType::URI("spiffe://example/device".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        let named = certificate(&[], &names);
        let expected = ["device.example", "ops@example.com", "spiffe://example/device"];
        assert_eq!(named.certificate.alternative_names, expected);
        assert_eq!(named.dns_names, ["device.example"]);
        assert_eq!((named.certificate.subject.as_str(), named.certificate.common_name), ("", None));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for der in [b"".as_slice(), b"\x30\x03abc", &[0x30; 100]] {
            read(der).unwrap_err();
            next_update(der).unwrap_err();
        }
    }
}

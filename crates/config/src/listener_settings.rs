//! The keys of `[[listener]]`, a part of the one table of settings.

use crate::setting::{Form, Kind, Preset, Rule, Setting};
use crate::settings::setting;
use crate::words::{ClientCertificate, Dialect, Face, TlsMode, TlsVersion};

pub(crate) const LISTENER: &[Setting] = &[
    setting("face", Kind::Choice(Face::NAMES), Preset::Required, "Who connects here."),
    setting("enabled", Kind::Bool, Preset::Is("true"), "`false` in a face's only listener switches the face off."),
    setting(
        "address",
        Kind::Address,
        Preset::Is("127.0.0.1"),
        "The IP address to listen on. One that is not loopback needs an administrator (`causeway user add NAME --admin`), \
         and TLS or `allow_plaintext = true`; or else `dev = true`.",
    ),
    setting(
        "tls",
        Kind::Choice(TlsMode::NAMES),
        Preset::Rule(Rule::TlsOfFace),
        "`on`: only TLS. `off`: only without. `both`: as the client's first byte tells. Where there is TLS there must be \
         `certificate_files`, or `tls_dir`.",
    ),
    setting(
        "port",
        Kind::Integer { min: 0, max: 65_535 },
        Preset::Rule(Rule::PortOfFace),
        "The TCP port; 0 lets the system choose one.",
    ),
    setting(
        "certificate_files",
        Kind::Paths,
        Preset::Unset("those of `tls_dir`"),
        "PEM files, each with a certificate and its intermediates. Clients get the one whose DNS names, exact or with \
         `*.` in front, have the name that they ask for, else the first.",
    ),
    setting(
        "key_files",
        Kind::Paths,
        Preset::Unset("those of `tls_dir`"),
        "PEM files with the keys of `certificate_files`, in the same order, without pass phrases.",
    ),
    setting(
        "tls_min_version",
        Kind::Choice(TlsVersion::NAMES),
        Preset::Rule(Rule::OfBroker("tls_min_version")),
        "The oldest version of TLS here.",
    ),
    setting(
        "client_certificate",
        Kind::Choice(ClientCertificate::NAMES),
        Preset::Rule(Rule::OfBroker("client_certificate")),
        "Whether TLS clients are asked for a certificate here.",
    ),
    setting(
        "client_ca_file",
        Kind::Path,
        Preset::Unset("`ca.pem` of `tls_dir`"),
        "PEM file with the authorities whose client certificates are accepted.",
    ),
    setting(
        "crl_files",
        Kind::Paths,
        Preset::Unset("`crl.pem` of `tls_dir`, if it is there"),
        "PEM files with certificate revocation lists. With any, there must be one of every authority in the chain of a \
         client's certificate, and none may be out of date; else the client is refused.",
    ),
    setting(
        "proxy_protocol",
        Kind::Bool,
        Preset::Is("false"),
        "Connections come through a load balancer that begins each with a header of the PROXY protocol, version 1 or 2, \
         before any TLS. The client's address is the one that it names; what it says of TLS is not used.",
    ),
    setting(
        "proxy_from",
        Kind::Networks,
        Preset::Unset("everywhere"),
        "Where such load balancers are; connections from elsewhere are refused.",
    ),
    setting("allow", Kind::Networks, Preset::Unset("everywhere"), "Where clients may be; others are refused at once."),
    setting("deny", Kind::Networks, Preset::Unset("nowhere"), "Where clients may not be, even if `allow` has it."),
    setting(
        "max_connections",
        Kind::Integer { min: 1, max: 10_000_000 },
        Preset::Unset("`max_connections` of the broker"),
        "Connections of this listener; one more is closed at once.",
    ),
    setting(
        "max_connections_per_address",
        Kind::Integer { min: 1, max: 10_000_000 },
        Preset::Unset("no limit"),
        "Connections of one address; one more is closed at once. IPv6 addresses count by their first 64 bits.",
    ),
    setting(
        "connection_rate",
        Kind::Integer { min: 1, max: 1_000_000 },
        Preset::Unset("no limit"),
        "New connections a second, and as many at once after a pause; one more is closed at once.",
    ),
    setting(
        "connection_rate_per_address",
        Kind::Integer { min: 1, max: 1_000_000 },
        Preset::Unset("no limit"),
        "The same for one address.",
    ),
    setting(
        "max_half_open",
        Kind::Integer { min: 1, max: 1_000_000 },
        Preset::Is("1000"),
        "Connections whose TLS handshake or PROXY header is not complete; with one more, the oldest of them is closed.",
    ),
    setting(
        "path",
        Kind::Text(Form::UrlPath),
        Preset::Unset("the face's own"),
        "The URL path of a face that is reached over HTTP or WebSocket.",
    ),
    setting(
        "dialect",
        Kind::Choice(Dialect::NAMES),
        Preset::Is("activemq"),
        "Whose habits count where ActiveMQ and RabbitMQ contradict each other.",
    ),
];

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::value::Table;
use crate::words::{ClientCertificate, Dialect, Face, TlsMode, TlsVersion};

/// Where clients of one face connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub face: Face,
    /// Port 0: the system chooses one.
    pub socket: SocketAddr,
    pub tls: TlsMode,
    pub certificates: Certificates,
    /// With the PROXY protocol: where load balancers are, or nothing for everywhere.
    pub proxy: Option<Vec<IpNet>>,
    /// Nothing is everywhere.
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
    pub max_connections: Option<usize>,
    pub max_connections_per_address: Option<usize>,
    /// A second.
    pub connection_rate: Option<u32>,
    pub connection_rate_per_address: Option<u32>,
    pub max_half_open: usize,
    pub path: Option<String>,
    pub dialect: Dialect,
}

/// What its TLS is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Has what is not given here.
    pub folder: Option<PathBuf>,
    /// Certificates and their keys.
    pub pairs: Vec<(PathBuf, PathBuf)>,
    pub client_ca: Option<PathBuf>,
    pub revocations: Vec<PathBuf>,
    pub clients: ClientCertificate,
    pub min_version: TlsVersion,
}

impl Listener {
    pub(crate) fn new(table: &Table, folder: Option<PathBuf>) -> Self {
        Self {
            face: table.word("face", Face::from_name),
            socket: SocketAddr::new(table.address("address"), table.number("port")),
            tls: table.word("tls", TlsMode::from_name),
            certificates: Certificates::new(table, folder),
            proxy: table.bool("proxy_protocol").then(|| table.networks("proxy_from").to_vec()),
            allow: table.networks("allow").to_vec(),
            deny: table.networks("deny").to_vec(),
            max_connections: table.optional_number("max_connections"),
            max_connections_per_address: table.optional_number("max_connections_per_address"),
            connection_rate: table.optional_number("connection_rate"),
            connection_rate_per_address: table.optional_number("connection_rate_per_address"),
            max_half_open: table.number("max_half_open"),
            path: table.optional_text("path"),
            dialect: table.word("dialect", Dialect::from_name),
        }
    }
}

impl Certificates {
    fn new(table: &Table, folder: Option<PathBuf>) -> Self {
        let keys = table.paths("key_files").iter().cloned();
        Self {
            folder,
            pairs: table.paths("certificate_files").iter().cloned().zip(keys).collect(),
            client_ca: table.optional_text("client_ca_file").map(PathBuf::from),
            revocations: table.paths("crl_files").to_vec(),
            clients: table.word("client_certificate", ClientCertificate::from_name),
            min_version: table.word("tls_min_version", TlsVersion::from_name),
        }
    }
}

//! How clients reach the broker under test: without TLS, with it, or with certificates of their own.
//!
//! What speaks as bytes ([`crate::wire`] and its like, and the client libraries in Rust) always talks to a plain port.
//! Where the broker has none, that is the port of a relay in this process, which speaks TLS to the broker.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::authority::{Authority, Issued};
use crate::poll::DEADLINE;

/// The variable that says how all suites reach their brokers: `1` or `mutual`.
pub const VARIABLE: &str = "CAUSEWAY_TEST_TLS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    Plain,
    /// The broker speaks nothing but TLS.
    Tls,
    /// And wants a certificate of every client.
    Mutual,
}

impl Security {
    /// What [`VARIABLE`] says.
    pub fn from_environment() -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "0") => Self::Plain,
            Ok("mutual") => Self::Mutual,
            Ok("1") => Self::Tls,
            Ok(other) => panic!("{VARIABLE}={other}: must be 1 or mutual"),
        }
    }
}

/// Certificates of a broker that speaks TLS, and of its clients.
pub struct Secured {
    pub authority: Authority,
    /// Of all clients of the suites.
    pub client: Issued,
    pub is_mutual: bool,
}

impl Secured {
    pub fn new(folder: &Path, is_mutual: bool) -> Self {
        let authority = Authority::new(folder);
        let client = authority.client("tester");
        Self { authority, client, is_mutual }
    }

    /// Lines at the beginning of the broker's configuration.
    pub fn settings(&self) -> String {
        let clients = if self.is_mutual { "required" } else { "none" };
        let folder = self.authority.folder().display();
        format!("tls_dir = \"{folder}\"\ntls_only = true\nclient_certificate = \"{clients}\"\n")
    }

    /// What suites find in their environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let ca = self.authority.certificate().display().to_string();
        let mut all = vec![("TLS_CA", ca.clone()), ("NODE_EXTRA_CA_CERTS", ca)];
        if self.is_mutual {
            all.push(("TLS_CERT", self.client.certificate.display().to_string()));
            all.push(("TLS_KEY", self.client.key.display().to_string()));
        }
        all
    }

    pub fn client_config(&self) -> Arc<ClientConfig> {
        client_config(&self.authority, self.is_mutual.then_some(&self.client), rustls::DEFAULT_VERSIONS)
    }
}

/// A client that trusts this authority.
pub fn client_config(
    authority: &Authority,
    client: Option<&Issued>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(authority.certificate()).expect("ca.pem is there");
    roots.add(ca).expect("it is an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
    let builder = builder.with_root_certificates(roots);
    Arc::new(match client {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            let chain = CertificateDer::pem_file_iter(&issued.certificate).expect("it is there");
            let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
            let key = PrivateKeyDer::from_pem_file(&issued.key).expect("its key is there");
            builder.with_client_auth_cert(chain, key).expect("they fit")
        }
    })
}

/// A blocking connection, before its handshake.
pub fn connect(
    address: SocketAddr,
    name: &'static str,
    config: &Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, std::net::TcpStream> {
    let name = name.try_into().expect("a host's name");
    let connection = ClientConnection::new(config.clone(), name).expect("a client");
    StreamOwned::new(connection, crate::device::socket(address))
}

/// Listens without TLS and passes everything on with it, to a port that may change.
pub struct Relay {
    port: u16,
    target: Arc<AtomicU16>,
}

impl Relay {
    pub fn start(config: Arc<ClientConfig>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a TCP socket");
        let port = listener.local_addr().expect("it is bound").port();
        let target = Arc::new(AtomicU16::new(0));
        let to = target.clone();
        // It ends with the process: tests are processes that end.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((client, _)) = listener.accept().await {
                    let (port, connector) = (to.load(Ordering::SeqCst), TlsConnector::from(config.clone()));
                    // A connection that ends badly is the suite's business, on both sides.
                    tokio::spawn(async move { pass_on(client, port, connector).await.ok() });
                }
            });
        });
        Self { port, target }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn aim(&self, port: u16) {
        self.target.store(port, Ordering::SeqCst);
    }
}

async fn pass_on(mut client: TcpStream, port: u16, connector: TlsConnector) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.set_nodelay(true)?;
    let name = "localhost".try_into().expect("a host's name");
    let patience = Duration::from_secs(DEADLINE.as_secs());
    let mut server = tokio::time::timeout(patience, connector.connect(name, server)).await??;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

//! Carries connections on to a broker, with TLS if wanted: so every workload can be had over TLS, and what that costs the
//! broker is the difference between two tunnels.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// What is carried at once, in bytes: as much as a workload writes.
const PIECE: usize = 256 << 10;

#[derive(Clone, Debug)]
pub struct Plan {
    pub address: SocketAddr,
    pub to: SocketAddr,
    /// PEM file with the authority of the broker's certificate; `None`: no TLS.
    pub authority: Option<PathBuf>,
}

/// Trusts the certificates of one authority; resumes nothing.
pub fn client(authority: &Path) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).with_context(|| authority.display().to_string())? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// # Errors
/// It cannot listen; after that, never.
pub fn run(plan: &Plan) -> Result<()> {
    let config = plan.authority.as_deref().map(client).transpose()?;
    let connector = config.map(|config| TlsConnector::from(Arc::new(config)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(plan.address).await?;
        writeln!(std::io::stdout(), "{}, process {}", listener.local_addr()?, std::process::id())?;
        loop {
            let (stream, _) = listener.accept().await?;
            let (connector, to) = (connector.clone(), plan.to);
            tokio::spawn(async move {
                if let Err(error) = carry(stream, to, connector).await {
                    eprintln!("bench: a connection ended: {error:#}");
                }
            });
        }
    })
}

async fn carry(mut from: TcpStream, to: SocketAddr, connector: Option<TlsConnector>) -> Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    from.set_nodelay(true)?;
    stream.set_nodelay(true)?;
    match connector {
        None => copy_bidirectional_with_sizes(&mut from, &mut stream, PIECE, PIECE).await?,
        Some(connector) => {
            let mut stream = connector.connect(ServerName::IpAddress(to.ip().into()), stream).await?;
            copy_bidirectional_with_sizes(&mut from, &mut stream, PIECE, PIECE).await?
        }
    };
    Ok(())
}

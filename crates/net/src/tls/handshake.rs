//! One connection's handshake.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Certificate;
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::{Tls, reason, subject, verify};

/// First bytes of a client that are remembered until its handshake is over, to say what it offered.
const HEARD: usize = 2_048;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(String);

/// An encrypted stream, and whom the client's certificate names if it has shown one. Takes as long as the
/// peer does; `greeted` hears that its hello is whole.
pub(crate) async fn shake_hands(
    tls: &Tls,
    stream: TcpStream,
    greeted: impl Fn(),
) -> Result<(TlsStream<Heard>, Option<Arc<Certificate>>), Failed> {
    let config = tls.keeper.config();
    let heard = Heard { stream, bytes: Some(Vec::new()) };
    let mut accepting = LazyConfigAcceptor::new(Acceptor::default(), heard);
    let start = match (&mut accepting).await {
        Ok(start) => start,
        Err(error) => {
            let heard = accepting.take_io().and_then(|heard| heard.bytes).unwrap_or_default();
            return Err(Failed(reason::describe(&error, &heard, None, ours(tls, &config))));
        }
    };
    greeted();
    let config = with_alpn(config, &tls.alpn, &start.client_hello());
    let (done, refused) = verify::watched(start.into_stream(config.clone()).into_fallible()).await;
    match done {
        Ok(mut stream) => {
            stream.get_mut().0.bytes = None;
            let certificate = certificate(&stream)?;
            Ok((stream, certificate))
        }
        Err((error, heard)) => {
            let heard = heard.bytes.unwrap_or_default();
            Err(Failed(reason::describe(&error, &heard, refused.as_deref(), ours(tls, &config))))
        }
    }
}

fn ours<'a>(tls: &Tls, config: &'a ServerConfig) -> reason::Ours<'a> {
    reason::Ours { config, oldest: tls.keeper.options().oldest }
}

/// A client that asks for names of which none is known gets no answer to that, instead of the refusal that it would get
/// if there were names to choose from: many libraries send names that nobody registered.
fn with_alpn(config: Arc<ServerConfig>, known: &[Vec<u8>], hello: &ClientHello<'_>) -> Arc<ServerConfig> {
    let asked = hello.alpn().is_some_and(|mut asked| asked.any(|name| known.iter().any(|known| known == name)));
    if !asked {
        return config;
    }
    let mut config = ServerConfig::clone(&config);
    config.alpn_protocols = known.to_vec();
    Arc::new(config)
}

/// A resumed session brings the certificate of its first handshake along, which may have expired since.
fn certificate(stream: &TlsStream<Heard>) -> Result<Option<Arc<Certificate>>, Failed> {
    let Some(der) = stream.get_ref().1.peer_certificates().and_then(<[_]>::first) else { return Ok(None) };
    let named = subject::read(der).map_err(|why| Failed(format!("its certificate cannot be read: {why}")))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    if named.ends < now {
        return Err(Failed(format!("its certificate {:?} is refused: it has expired", named.certificate.subject)));
    }
    Ok(Some(Arc::new(named.certificate)))
}

/// A socket whose first bytes are remembered.
#[derive(Debug)]
pub(crate) struct Heard {
    stream: TcpStream,
    bytes: Option<Vec<u8>>,
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(bytes) = &mut self.bytes {
            let new = &buffer.filled()[before..];
            bytes.extend_from_slice(&new[..new.len().min(HEARD - bytes.len())]);
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

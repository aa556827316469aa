use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A small web server that answers every request with the same.
pub(crate) struct Server {
    pub(crate) port: u16,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub(crate) enum Answer {
    Text(String),
    /// A whole head.
    Head(&'static str),
    /// It reads and says nothing.
    Silence,
}

impl Server {
    pub(crate) fn start(answer: Answer, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, answer: Arc::new(Mutex::new(answer)), requests: Arc::default() };
        let (answer, requests) = (Arc::clone(&server.answer), Arc::clone(&server.requests));
        thread::spawn(move || {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                requests.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().unwrap().clone();
                match (&answer, &tls) {
                    (Answer::Silence, _) => silent.push(stream),
                    (_, None) => serve(stream, &answer),
                    (_, Some(tls)) => serve(secure(stream, tls), &answer),
                }
            }
        });
        server
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn secure(stream: TcpStream, tls: &Arc<ServerConfig>) -> impl Read + Write {
    StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), stream)
}

/// Clients that do not like the certificate go away early.
fn serve(mut stream: impl Read + Write, answer: &Answer) {
    let mut request = Vec::new();
    let mut bytes = [0; 4_096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(read) if read > 0 => request.extend(&bytes[..read]),
            _ => return,
        }
    }
    let text = match answer {
        Answer::Text(body) => {
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        }
        Answer::Head(head) => (*head).to_owned(),
        Answer::Silence => return,
    };
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).ok();
}

/// For a server with this certificate and key, both PEM.
pub(crate) fn tls(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

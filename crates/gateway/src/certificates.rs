//! The files behind TLS: read before anything starts, looked at while it runs.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::{ClientCertificate, Config, Listener, TlsMode, TlsVersion};
use console::{CertificateLifetime, CertificateLifetimes};
use net::tls::{Error, Keeper, Options, Tls, Version, Watch};

use crate::exit::Failure;

/// How often the files are looked at. What changed is read when it has not changed since the look before.
const LOOK: Duration = Duration::from_millis(500);

/// The TLS of each listener of the configuration, in its order.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    of_listeners: Vec<OfListener>,
}

#[derive(Debug)]
struct OfListener {
    name: String,
    keeper: Option<Arc<Keeper>>,
}

impl Certificates {
    /// Listeners with the same settings share what was made of them.
    pub(crate) fn load(config: &Config) -> Result<Self, Failure> {
        let mut loaded = Self::default();
        for listener in &config.listeners {
            let name = format!("{} {}", listener.face.name(), listener.socket);
            let keeper = (listener.tls != TlsMode::Off).then(|| loaded.keeper(listener)).transpose()?;
            loaded.of_listeners.push(OfListener { name, keeper });
        }
        Ok(loaded)
    }

    fn keeper(&self, listener: &Listener) -> Result<Arc<Keeper>, Failure> {
        let options = options(listener);
        if let Some(known) = self.keepers().find(|keeper| *keeper.options() == options) {
            return Ok(known.clone());
        }
        let key = |error: &Error| setting(listener, error);
        Keeper::load(options).map(Arc::new).map_err(|error| {
            let (face, key) = (listener.face.name(), key(&error));
            Failure::Configuration(format!("listener {face}: {key}: {error}"))
        })
    }

    fn keepers(&self) -> impl Iterator<Item = &Arc<Keeper>> {
        self.of_listeners.iter().filter_map(|it| it.keeper.as_ref())
    }

    /// Of the listener at this place in the configuration.
    pub(crate) fn tls(&self, place: usize, listener: &Listener) -> Option<Tls> {
        let keeper = self.of_listeners.get(place)?.keeper.clone()?;
        let alpn: &[&str] = match listener.face {
            // The second is what devices of AWS IoT ask for.
            config::Face::Mqtt => &["mqtt", "x-amzn-mqtt-ca"],
            config::Face::Amqp => &["amqp"],
            config::Face::Stomp => &["stomp"],
            config::Face::Aws | config::Face::Console => &["http/1.1"],
        };
        let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Some(Tls { keeper, alpn, plain_too: listener.tls == TlsMode::Both })
    }

    /// Looks after the files until it is stopped; `None` without any.
    pub(crate) fn watch(&self) -> std::io::Result<Option<Watching>> {
        let mut keepers: Vec<Arc<Keeper>> = Vec::new();
        for keeper in self.keepers() {
            if !keepers.iter().any(|known| Arc::ptr_eq(known, keeper)) {
                keepers.push(keeper.clone());
            }
        }
        if keepers.is_empty() {
            return Ok(None);
        }
        let mut watch = Watch::new(keepers);
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("tls-files".into()).spawn(move || {
            loop {
                watch.look(seconds());
                match stopped.recv_timeout(LOOK) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Some(Watching { stop, thread }))
    }
}

impl CertificateLifetimes for Certificates {
    fn all(&self) -> Vec<CertificateLifetime> {
        let of = |it: &OfListener| {
            let name = it.name.clone();
            let lifetimes = it.keeper.iter().flat_map(|keeper| keeper.lifetimes()).collect::<Vec<_>>();
            lifetimes.into_iter().map(move |lifetime| CertificateLifetime {
                listener: name.clone(),
                kind: lifetime.kind.name(),
                file: lifetime.file.display().to_string(),
                subject: lifetime.subject,
                ends: lifetime.ends,
            })
        };
        self.of_listeners.iter().flat_map(of).collect()
    }
}

/// The thread that looks.
pub(crate) struct Watching {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watching {
    pub(crate) fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

fn options(listener: &Listener) -> Options {
    let certificates = &listener.certificates;
    Options {
        folder: certificates.folder.clone(),
        pairs: certificates.pairs.clone(),
        authorities: certificates.client_ca.clone(),
        revocations: certificates.revocations.clone(),
        clients: match certificates.clients {
            ClientCertificate::None => net::tls::ClientCertificate::None,
            ClientCertificate::Optional => net::tls::ClientCertificate::Optional,
            ClientCertificate::Required => net::tls::ClientCertificate::Required,
        },
        oldest: match certificates.min_version {
            TlsVersion::Tls12 => Version::Tls12,
            TlsVersion::Tls13 => Version::Tls13,
        },
    }
}

/// The one that named the file.
fn setting(listener: &Listener, error: &Error) -> &'static str {
    let certificates = &listener.certificates;
    match error {
        Error::Certificate { .. } if !certificates.pairs.is_empty() => "certificate_files",
        Error::Key { .. } | Error::Mismatch { .. } if !certificates.pairs.is_empty() => "key_files",
        Error::Authorities { .. } if certificates.client_ca.is_some() => "client_ca_file",
        Error::Revocations { .. } if !certificates.revocations.is_empty() => "crl_files",
        Error::Setup(_) => "tls",
        _ => "tls_dir",
    }
}

/// Since the Unix epoch.
fn seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

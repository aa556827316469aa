//! Sockets for the configured faces, and the lines that say where they are.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Config, TlsMode};
use model::{HttpService, Protocol};
use net::tls::Tls;
use net::{Access, Entry, Face, Listener, Proxy, Socket};

use crate::certificates::Certificates;
use crate::exit::Failure;

/// What the faces speak.
pub(crate) struct Faces {
    pub(crate) mqtt: Arc<dyn Protocol>,
    pub(crate) amqp: Arc<dyn Protocol>,
    pub(crate) stomp: Arc<dyn Protocol>,
    pub(crate) aws: Arc<dyn HttpService>,
    pub(crate) console: Arc<dyn HttpService>,
    pub(crate) admin: Arc<dyn Protocol>,
}

/// Bound sockets, and a line for people about each.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) lines: Vec<String>,
    /// Removed at the end.
    pub(crate) admin: Option<PathBuf>,
}

/// Where clients connect, as the start page of the console says it. Ports that the system chooses are not known yet.
pub(crate) fn hints(config: &Config) -> Vec<String> {
    let tls = |listener: &config::Listener| match listener.tls {
        TlsMode::Off => "",
        TlsMode::On => " with TLS",
        TlsMode::Both => " with or without TLS",
    };
    let hint =
        |listener: &config::Listener| format!("{} on {}{}", listener.face.name(), listener.socket, tls(listener));
    config.listeners.iter().map(hint).collect()
}

/// Binds all listeners; nobody accepts yet.
pub(crate) fn bind(config: &Config, faces: &Faces, certificates: &Certificates) -> Result<Bound, Failure> {
    let mut bound = Bound { listeners: Vec::new(), lines: Vec::new(), admin: None };
    for (place, listener) in config.listeners.iter().enumerate() {
        let name = listener.face.name();
        let socket = TcpListener::bind(listener.socket).map_err(|error| {
            Failure::Start(format!("listener {name}: cannot listen on {}: {error}", listener.socket))
        })?;
        let at = socket.local_addr().map_err(|error| Failure::Start(format!("listener {name}: {error}")))?;
        let (face, about) = face(listener.face, faces);
        let url = format!("{}://{at}", scheme(listener));
        let both = if listener.tls == TlsMode::Both { ", with or without TLS" } else { "" };
        bound.lines.push(format!("{name:<8} {url:<30} {about}{both}"));
        let entry = entry(format!("{name} {at}"), listener, certificates.tls(place, listener));
        bound.listeners.push(Listener { face, socket: Socket::Tcp(socket), entry });
    }
    if !config.ephemeral {
        let path = config.data.join("admin.sock");
        let socket =
            admin_socket(&path).map_err(|error| Failure::Start(format!("admin socket {}: {error}", path.display())))?;
        bound.lines.push(format!("{:<8} unix:{}", "admin", path.display()));
        let (face, entry) = (Face::Protocol(faces.admin.clone()), Entry::open("admin"));
        bound.listeners.push(Listener { face, socket: Socket::Unix(socket), entry });
        bound.admin = Some(path);
    }
    Ok(bound)
}

/// And what a line for people says of it.
fn face(face: config::Face, faces: &Faces) -> (Face, &'static str) {
    match face {
        config::Face::Mqtt => (Face::Protocol(faces.mqtt.clone()), "MQTT 3.1, 3.1.1"),
        config::Face::Amqp => (Face::Protocol(faces.amqp.clone()), "AMQP 0-9-1, 1.0"),
        config::Face::Stomp => (Face::Protocol(faces.stomp.clone()), "STOMP 1.0, 1.1, 1.2"),
        config::Face::Aws => (Face::Http(faces.aws.clone()), "SQS (AWS JSON 1.0), STS"),
        config::Face::Console => (Face::Http(faces.console.clone()), "/health, /metrics, read-only JSON"),
    }
}

fn scheme(listener: &config::Listener) -> &'static str {
    let tls = listener.tls == TlsMode::On;
    match listener.face {
        config::Face::Mqtt => {
            if tls {
                "mqtts"
            } else {
                "mqtt"
            }
        }
        config::Face::Amqp => {
            if tls {
                "amqps"
            } else {
                "amqp"
            }
        }
        config::Face::Stomp => {
            if tls {
                "stomps"
            } else {
                "stomp"
            }
        }
        config::Face::Aws | config::Face::Console => {
            if tls {
                "https"
            } else {
                "http"
            }
        }
    }
}

fn entry(name: String, listener: &config::Listener, tls: Option<Tls>) -> Entry {
    let access = Access {
        allow: listener.allow.clone(),
        deny: listener.deny.clone(),
        connections: listener.max_connections,
        connections_per_address: listener.max_connections_per_address,
        rate: listener.connection_rate,
        rate_per_address: listener.connection_rate_per_address,
    };
    let proxy = listener.proxy.clone().map(|from| Proxy { from });
    Entry { name, access, tls, proxy, half_open: listener.max_half_open }
}

/// Only its owner may connect. A socket that a killed process left is in the way and of no use; the store's lock has
/// made sure that nobody listens on it.
fn admin_socket(path: &Path) -> std::io::Result<UnixListener> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

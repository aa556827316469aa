//! Sockets for the configured faces, and the lines that say where they are.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::Config;
use model::{HttpService, Protocol};
use net::{Face, Listener, Socket};

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
    config.listeners.iter().map(|listener| format!("{} on {}", listener.face.name(), listener.socket)).collect()
}

/// Binds all listeners; nobody accepts yet.
pub(crate) fn bind(config: &Config, faces: &Faces) -> Result<Bound, Failure> {
    let mut bound = Bound { listeners: Vec::new(), lines: Vec::new(), admin: None };
    for listener in &config.listeners {
        let name = listener.face.name();
        let socket = TcpListener::bind(listener.socket).map_err(|error| {
            Failure::Start(format!("listener {name}: cannot listen on {}: {error}", listener.socket))
        })?;
        let at = socket.local_addr().map_err(|error| Failure::Start(format!("listener {name}: {error}")))?;
        let (face, url, about) = match listener.face {
            config::Face::Mqtt => (Face::Protocol(faces.mqtt.clone()), format!("mqtt://{at}"), "MQTT 3.1, 3.1.1"),
            config::Face::Amqp => (Face::Protocol(faces.amqp.clone()), format!("amqp://{at}"), "AMQP 0-9-1, 1.0"),
            config::Face::Stomp => {
                (Face::Protocol(faces.stomp.clone()), format!("stomp://{at}"), "STOMP 1.0, 1.1, 1.2")
            }
            config::Face::Aws => (Face::Http(faces.aws.clone()), format!("http://{at}"), "SQS (AWS JSON 1.0), STS"),
            config::Face::Console => {
                (Face::Http(faces.console.clone()), format!("http://{at}"), "/health, /metrics, read-only JSON")
            }
        };
        bound.lines.push(format!("{name:<8} {url:<30} {about}"));
        bound.listeners.push(Listener { face, socket: Socket::Tcp(socket), entry: net::Entry::open(name) });
    }
    if !config.ephemeral {
        let path = config.data.join("admin.sock");
        let socket =
            admin_socket(&path).map_err(|error| Failure::Start(format!("admin socket {}: {error}", path.display())))?;
        bound.lines.push(format!("{:<8} unix:{}", "admin", path.display()));
        bound.listeners.push(Listener {
            face: Face::Protocol(faces.admin.clone()),
            socket: Socket::Unix(socket),
            entry: net::Entry::open("admin"),
        });
        bound.admin = Some(path);
    }
    Ok(bound)
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

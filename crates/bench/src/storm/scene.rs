//! The broker of a storm: its certificates, users and settings.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::Plan;
use crate::peers::{self, Broker};
use crate::tunnel;

/// Devices with the same password, whose hash is made once. The broker has as much to do as with as many passwords.
const DEVICES_PER_HASH: usize = 500;
/// Who looks at the broker's figures, and stays.
pub(super) const OBSERVER: &str = "observer";
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Scene {
    broker: Broker,
    pub(super) address: SocketAddr,
    console: SocketAddr,
    /// Trusts the broker; resumes nothing.
    pub(super) tls: Arc<ClientConfig>,
}

pub(super) fn name(device: usize) -> String {
    format!("device-{device}")
}

pub(super) fn password(device: usize) -> String {
    format!("password-{}", device / DEVICES_PER_HASH)
}

pub(super) fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into())
}

impl Scene {
    pub(super) fn set(plan: &Plan) -> Result<Self> {
        let (console, address) = (peers::free_address()?, peers::free_address()?);
        let prepare = |program: &Path, folder: &Path| prepare(program, folder, plan.devices, address, console);
        let (broker, folder) = peers::start_causeway(plan.causeway.as_deref(), &plan.folder, address, &prepare)?;
        let tls = tunnel::client(&folder.join("tls/ca.pem"))?;
        Ok(Self { broker, address, console, tls: Arc::new(tls) })
    }

    pub(super) const fn pid(&self) -> u32 {
        self.broker.pid()
    }

    /// Logins by outcome.
    pub(super) fn logins(&self) -> Result<Vec<(String, u64)>> {
        let text = self.metrics()?;
        let count = |line: &str| {
            let (outcome, rest) = line.strip_prefix("causeway_logins_total{outcome=\"")?.split_once("\"}")?;
            Some((outcome.to_owned(), rest.trim().parse().ok()?))
        };
        Ok(text.lines().filter_map(count).collect())
    }

    fn metrics(&self) -> Result<String> {
        use base64::Engine as _;
        let mut stream = TcpStream::connect(self.console)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{OBSERVER}:{}", password(0)));
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {token}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text).context("the broker's figures")?;
        ensure!(text.starts_with("HTTP/1.1 200"), "the broker's figures: {}", text.lines().next().unwrap_or_default());
        Ok(text)
    }
}

/// Writes the users file: the program makes the hashes, and the devices that have the same password share one.
fn make_users(program: &Path, data: &Path, devices: usize) -> Result<()> {
    let add = |name: &str, password: &str, rights: &[&str]| {
        let mut command = Command::new(program);
        command.arg("--data").arg(data).args(["user", "add", name]).args(rights);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("making users")?;
        child.stdin.take().context("a pipe")?.write_all(password.as_bytes())?;
        ensure!(child.wait()?.success(), "no user {name} was made");
        Ok(())
    };
    add(OBSERVER, &password(0), &["--admin"])?;
    let path = data.join("users.toml");
    let (mut text, mut hash) = (String::new(), String::new());
    for device in 0..devices {
        if device % DEVICES_PER_HASH == 0 {
            let model = format!("model-{device}");
            add(&model, &password(device), &[])?;
            hash = hash_of(&fs::read_to_string(&path)?, &model)?;
        }
        text += &format!("\n[[user]]\nname = \"{}\"\nhash = \"{hash}\"\n", name(device));
    }
    OpenOptions::new().append(true).open(&path)?.write_all(text.as_bytes())?;
    Ok(())
}

fn hash_of(users: &str, name: &str) -> Result<String> {
    let named = format!("name = \"{name}\"");
    let mut lines = users.lines().skip_while(|line| **line != *named);
    let hash = lines.find_map(|line| line.strip_prefix("hash = \"")?.strip_suffix('"'));
    hash.map(str::to_owned).with_context(|| format!("the users file has no hash of {name}"))
}

fn prepare(program: &Path, folder: &Path, devices: usize, mqtt: SocketAddr, console: SocketAddr) -> Result<Command> {
    let tls: PathBuf = folder.join("tls");
    let made = Command::new(program).args(["certs", "--dir"]).arg(&tls).stdout(Stdio::null()).status();
    ensure!(made.context("making certificates")?.success(), "no certificates were made");
    fs::create_dir(folder.join("data"))?;
    make_users(program, &folder.join("data"), devices)?;
    let off = |face: &str| format!("[[listener]]\nface = \"{face}\"\nenabled = false\n\n");
    let on = |face: &str, tls: &str, at: SocketAddr| {
        let (address, port) = (at.ip(), at.port());
        format!("[[listener]]\nface = \"{face}\"\ntls = \"{tls}\"\naddress = \"{address}\"\nport = {port}\n\n")
    };
    let config =
        [on("mqtt", "on", mqtt), on("console", "off", console), off("amqp"), off("stomp"), off("aws")].concat();
    fs::write(folder.join("causeway.toml"), format!("tls_dir = {:?}\n\n{config}", tls.display().to_string()))?;
    let mut command = Command::new(program);
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(folder.join("causeway.toml"));
    Ok(command)
}

//! The brokers that can be started here, each on loopback, on free ports, with a folder of its own.

mod activemq;
mod causeway;
mod fauxqs;
pub mod install;
mod mosquitto;
mod moto;
mod nats;
mod rabbitmq;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::child::{Child, Scratch};
use crate::process;
use crate::workload::start;

/// How long a broker may take from its first accepted connection to saying that it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// What Causeway says when it is.
const READY: &str = "Ready.";

pub const CAUSEWAY: &str = "causeway";
/// The same with an encrypted store, to see what that costs.
pub const CAUSEWAY_AES: &str = "causeway-aes";
pub const CAUSEWAY_CHACHA: &str = "causeway-chacha20";
pub const MOSQUITTO: &str = "mosquitto";
pub const MOSQUITTO_TUNED: &str = "mosquitto-tuned";
pub const NATS: &str = "nats";
pub const MOTO: &str = "moto";
pub const FAUXQS: &str = "fauxqs";
pub const RABBITMQ: &str = "rabbitmq";
pub const ACTIVEMQ: &str = "activemq";
pub const RELAY: &str = "relay";

/// What a broker serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Mqtt,
    Amqp091,
    Amqp10,
    Stomp,
    Sqs,
}

/// A broker found on this machine.
pub struct Peer {
    pub name: &'static str,
    pub program: PathBuf,
    faces: &'static [Face],
    launch: fn(program: &Path, folder: &Path) -> Result<Launch>,
}

/// How to start a broker.
struct Launch {
    /// What it needs to find running.
    helper: Option<Command>,
    command: Command,
    addresses: Vec<(Face, SocketAddr)>,
    /// A line that it prints when it is ready; `None` if accepting connections says so.
    ready: Option<&'static str>,
}

/// A running broker; dropping it ends it and removes its folder.
pub struct Broker {
    child: Child,
    _helper: Option<Child>,
    pub accepts_after: Duration,
    addresses: Vec<(Face, SocketAddr)>,
    _scratch: Scratch,
}

/// All that are installed; `causeway` names its program if it is not the one beside this one.
pub fn find(causeway: Option<&Path>) -> Result<Vec<Peer>> {
    use Face::{Amqp10, Amqp091, Mqtt, Sqs, Stomp};
    let own = std::env::current_exe().context("the path of this program")?;
    let beside = own.with_file_name("causeway");
    if let Some(path) = causeway {
        ensure!(path.is_file(), "no program at {}", path.display());
    }
    let causeway = causeway.map(Path::to_path_buf).or_else(|| beside.is_file().then_some(beside));
    let mosquitto = on_path("mosquitto");
    let new = |name, faces, program: Option<PathBuf>, launch: fn(&Path, &Path) -> Result<Launch>| {
        // Absolute, because brokers are started in folders of their own.
        let program = std::path::absolute(program?).ok()?;
        Some(Peer { name, program, faces, launch })
    };
    let peers = [
        new(CAUSEWAY, &[Mqtt, Amqp091, Amqp10, Stomp, Sqs][..], causeway.clone(), causeway::launch),
        new(CAUSEWAY_AES, &[Amqp091], causeway.clone(), causeway::launch_aes),
        new(CAUSEWAY_CHACHA, &[Amqp091], causeway, causeway::launch_chacha),
        new(MOSQUITTO, &[Mqtt], mosquitto.clone(), mosquitto::launch_default),
        new(MOSQUITTO_TUNED, &[Mqtt], mosquitto, mosquitto::launch_tuned),
        new(NATS, &[Mqtt], on_path("nats-server"), nats::launch),
        new(MOTO, &[Sqs], install::moto_server(), moto::launch),
        new(FAUXQS, &[Sqs], on_path("node").filter(|_| install::fauxqs_modules().is_some()), fauxqs::launch),
        new(RABBITMQ, &[Amqp091, Amqp10, Stomp], rabbitmq::program(), rabbitmq::launch),
        new(ACTIVEMQ, &[Stomp], on_path("java").filter(|_| activemq::is_installed()), activemq::launch),
        new(RELAY, &[Mqtt, Amqp091, Amqp10, Stomp, Sqs], Some(own), relay),
    ];
    Ok(peers.into_iter().flatten().collect())
}

impl Peer {
    /// Whether it runs faster after a while of the same work.
    pub fn compiles_itself(&self) -> bool {
        [RABBITMQ, ACTIVEMQ].contains(&self.name)
    }

    /// Whether it is there only for what goes through the disk.
    pub fn is_encrypted(&self) -> bool {
        [CAUSEWAY_AES, CAUSEWAY_CHACHA].contains(&self.name)
    }

    pub fn serves(&self, face: Face) -> bool {
        self.faces.contains(&face)
    }

    /// Starts it with its data in a new folder inside `parent`, and waits until it is ready.
    ///
    /// # Errors
    /// If it ends, does not get ready, or accepts connections from other machines; with the end of its log.
    pub fn start(&self, parent: &Path) -> Result<Broker> {
        let scratch = Scratch::new(parent, self.name)?;
        let log = scratch.path().join("log");
        let launch = (self.launch)(&self.program, scratch.path())?;
        let addresses = launch.addresses.clone();
        let result = launch.run(scratch.path(), &log).with_context(|| format!("{}: {}", self.name, tail(&log)));
        let (child, helper, accepts_after) = result?;
        Ok(Broker { child, _helper: helper, accepts_after, addresses, _scratch: scratch })
    }
}

/// Starts Causeway in a new folder inside `parent`, as the command says that `prepare` makes of its program and the
/// folder; also the folder.
///
/// # Errors
/// There is no Causeway, or it does not get ready.
pub fn start_causeway(
    program: Option<&Path>,
    parent: &Path,
    address: SocketAddr,
    prepare: &dyn Fn(&Path, &Path) -> Result<Command>,
) -> Result<(Broker, PathBuf)> {
    let peer = find(program)?.into_iter().find(|peer| peer.name == CAUSEWAY);
    let peer = peer.context("there is no causeway beside this program; --causeway names one")?;
    let scratch = Scratch::new(parent, peer.name)?;
    let folder = std::path::absolute(scratch.path())?;
    let log = folder.join("log");
    let command = prepare(&peer.program, &folder)?;
    let addresses = vec![(Face::Mqtt, address)];
    let launch = Launch { ready: Some(READY), ..Launch::new(command, addresses.clone()) };
    let result = launch.run(&folder, &log).with_context(|| format!("{}: {}", peer.name, tail(&log)));
    let (child, helper, accepts_after) = result?;
    Ok((Broker { child, _helper: helper, accepts_after, addresses, _scratch: scratch }, folder))
}

impl Launch {
    /// Of a broker that needs nobody else and is ready when it accepts connections.
    const fn new(command: Command, addresses: Vec<(Face, SocketAddr)>) -> Self {
        Self { helper: None, command, addresses, ready: None }
    }

    /// The ready broker, and the time from its start to its first accepted connection.
    fn run(self, folder: &Path, log: &Path) -> Result<(Child, Option<Child>, Duration)> {
        let Self { helper, mut command, addresses, ready } = self;
        let output = File::create(log)?;
        let helper = match helper {
            Some(mut command) => Some(Child::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()))?),
            None => None,
        };
        command.current_dir(folder);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let begin = Instant::now();
        let child = Child::spawn(&mut command)?;
        let mut accepts_after = None;
        for (_, address) in &addresses {
            let elapsed = start::wait_for_accept(&child, *address, begin)?;
            accepts_after.get_or_insert(elapsed);
        }
        while !ready.is_none_or(|line| fs::read_to_string(log).is_ok_and(|text| text.lines().any(|one| one == line))) {
            ensure!(begin.elapsed() < PATIENCE && child.has_ended()?.is_none(), "it does not say that it is ready");
            thread::sleep(Duration::from_millis(5));
        }
        for address in process::listening(child.pid())? {
            ensure!(address.ip().is_loopback(), "it listens on {address}, which is not loopback");
        }
        Ok((child, helper, accepts_after.context("a broker without an address")?))
    }
}

impl Broker {
    pub const fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub const fn child(&self) -> &Child {
        &self.child
    }

    pub fn address(&self, face: Face) -> Option<SocketAddr> {
        self.addresses.iter().find(|(one, _)| *one == face).map(|(_, address)| *address)
    }

    pub fn is_running(&self) -> bool {
        matches!(self.child.has_ended(), Ok(None))
    }
}

fn relay(program: &Path, _folder: &Path) -> Result<Launch> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["relay", "--address", &address.to_string()]);
    let faces = [Face::Mqtt, Face::Amqp091, Face::Amqp10, Face::Stomp, Face::Sqs];
    Ok(Launch::new(command, faces.map(|face| (face, address)).to_vec()))
}

/// A loopback address nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A program on `PATH`, or where Debian keeps servers.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The last lines of a log, for an error.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_shown_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(tail(&log), "");
        fs::write(&log, "1\n2\n3\n4\n5\n6\n").unwrap();
        assert_eq!(tail(&log), "2 | 3 | 4 | 5 | 6");
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(on_path("sh").is_some_and(|path| path.is_absolute()));
        assert!(on_path("no-such-program-anywhere").is_none());
    }

    #[test]
    fn a_named_causeway_must_exist() {
        assert!(find(Some(Path::new("no/such/causeway"))).is_err());
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error_with_its_log() {
        let launch = |program: &Path, _: &Path| {
            let mut command = Command::new(program);
            command.args(["-c", "echo cannot start; exit 3"]);
            Ok(Launch::new(command, vec![(Face::Mqtt, free_address()?)]))
        };
        let shell = Peer { name: "shell", program: on_path("sh").unwrap(), faces: &[], launch };
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", shell.start(folder.path()).err().unwrap());
        assert!(error.contains("cannot start") && error.contains("exit status: 3"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

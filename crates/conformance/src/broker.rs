//! The broker under test: one process, one data folder, free ports.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::poll::DEADLINE;
use crate::process::{Ended, Process};
use crate::security::{Relay, Secured, Security};

/// What a listener speaks; the word that starts its line on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    Mqtt,
    Amqp,
    Stomp,
    Aws,
    Console,
}

impl Face {
    const ALL: [Self; 5] = [Self::Mqtt, Self::Amqp, Self::Stomp, Self::Aws, Self::Console];

    fn word(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Amqp => "amqp",
            Self::Stomp => "stomp",
            Self::Aws => "aws",
            Self::Console => "console",
        }
    }
}

/// How to start beside the configuration text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Pick the ports now, outside the range of outgoing connections, so that a restart finds them free.
    pub fixed_ports: bool,
    /// As [`crate::security::VARIABLE`] says, if nothing is given.
    pub security: Option<Security>,
}

impl Options {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    pub fn security(mut self, security: Security) -> Self {
        self.security = Some(security);
        self
    }

    pub fn fixed_ports(mut self) -> Self {
        self.fixed_ports = true;
        self
    }
}

/// A broker that said `Ready.`; killed, and its output printed if the test fails, on drop.
pub struct Broker {
    process: Option<Process>,
    folder: Rc<TempDir>,
    config: String,
    options: Options,
    ports: BTreeMap<Face, u16>,
    secured: Option<Secured>,
    /// Plain ports for what does not speak TLS itself, where the broker has none.
    relays: BTreeMap<Face, Relay>,
    /// What the last start said before `Ready.`.
    said: Vec<String>,
}

impl Broker {
    /// Starts with `config` (settings and tables other than `[[listener]]`) and one loopback listener per face.
    pub fn start(config: &str, options: Options) -> Self {
        Self::start_on(config, options, |_| ())
    }

    /// As [`Broker::start`], on the store that `fill` puts into the data folder.
    pub fn start_on(config: &str, options: Options, fill: impl FnOnce(&Path)) -> Self {
        let folder = Rc::new(tempfile::tempdir().expect("a folder for the data"));
        let ports =
            if options.fixed_ports { Face::ALL.map(|face| (face, quiet_port())).into() } else { BTreeMap::new() };
        let (config, said) = (config.to_owned(), Vec::new());
        let secured = match options.security.unwrap_or_else(Security::from_environment) {
            Security::Plain => None,
            security => Some(Secured::new(&folder.path().join("certs"), security == Security::Mutual)),
        };
        let relay = |secured: &Secured| Face::ALL.map(|face| (face, Relay::start(secured.client_config()))).into();
        let relays = secured.as_ref().map(relay).unwrap_or_default();
        let mut broker = Self { process: None, folder, config, options, ports, secured, relays, said };
        fill(&broker.data());
        broker.restart();
        broker
    }

    /// Starts again on the same data and the same ports, after [`Broker::kill9`] or [`Broker::stop`].
    pub fn restart(&mut self) {
        if let Err(stderr) = self.try_restart() {
            panic!("the broker did not say Ready.\n{stderr}\n--- configuration\n{}", self.config);
        }
    }

    /// As [`Broker::restart`]; what the broker wrote to stderr if it does not get ready.
    pub fn try_restart(&mut self) -> Result<(), String> {
        assert!(self.process.is_none(), "still running");
        let process = self.spawn();
        let end = Instant::now() + DEADLINE;
        self.said.clear();
        loop {
            match process.line(end.saturating_duration_since(Instant::now())) {
                Some(line) if line == "Ready." => break,
                Some(line) => {
                    self.note(&line);
                    self.said.push(line);
                }
                None => return Err(process.end()),
            }
        }
        self.process = Some(process);
        for face in Face::ALL {
            let port = self.ports.get(&face);
            let port = port.unwrap_or_else(|| panic!("no line on stdout told the port of {}", face.word()));
            if let Some(relay) = self.relays.get(&face) {
                relay.aim(*port);
            }
        }
        Ok(())
    }

    /// As [`Broker::restart`], with another configuration.
    pub fn restart_with(&mut self, config: &str) {
        config.clone_into(&mut self.config);
        self.restart();
    }

    /// The lines of the last start, without `Ready.`.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// What the running broker wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.process.as_ref().expect("running").stderr()
    }

    /// The next start finds no such variable in its environment.
    pub fn unset_env(&mut self, name: &str) {
        self.options.env.retain(|(set, _)| set != name);
    }

    /// What the next start finds in its environment.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.unset_env(name);
        self.options.env.push((name.to_owned(), value.to_owned()));
    }

    /// Where to connect without TLS.
    pub fn port(&self, face: Face) -> u16 {
        self.relays.get(&face).map_or(self.ports[&face], Relay::port)
    }

    /// The broker's own port: where there are certificates, it speaks nothing but TLS.
    pub fn own_port(&self, face: Face) -> u16 {
        self.ports[&face]
    }

    /// The certificates, where the broker speaks TLS.
    pub fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// What suites in other languages find in their environment: ports, and certificates if they are needed there.
    pub fn environment(&self) -> Vec<(String, String)> {
        let ports =
            Face::ALL.map(|face| (format!("{}_PORT", face.word().to_uppercase()), self.own_port(face).to_string()));
        let certificates = self.secured.iter().flat_map(Secured::environment);
        ports.into_iter().chain(certificates.map(|(name, value)| (name.to_owned(), value))).collect()
    }

    pub fn address(&self, face: Face) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port(face)))
    }

    pub fn url(&self, face: Face) -> String {
        format!("http://{}", self.address(face))
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("running").pid()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn admin_socket(&self) -> PathBuf {
        self.data().join("admin.sock")
    }

    /// SIGKILL, and its end awaited: nothing the process held in memory survives.
    pub fn kill9(&mut self) {
        let process = self.process.take().expect("running");
        process.signal(Signal::KILL);
        process.wait(DEADLINE);
    }

    /// SIGTERM, and the end that follows.
    pub fn stop(&mut self) -> Ended {
        let process = self.process.take().expect("running");
        process.signal(Signal::TERM);
        process.wait(DEADLINE)
    }

    /// As [`Broker::stop`]; panics unless the broker says that all went well.
    pub fn stop_cleanly(&mut self) {
        let ended = self.stop();
        assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
    }

    /// Anonymous resident memory of the broker in bytes (`RssAnon`).
    pub fn anonymous_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the broker runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells RssAnon");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }

    /// Bytes that the broker has read so far, from files and sockets (`rchar`).
    pub fn bytes_read(&self) -> u64 {
        let counts = fs::read_to_string(format!("/proc/{}/io", self.pid())).expect("the broker runs");
        let read = counts.lines().find_map(|line| line.strip_prefix("rchar:")).expect("Linux tells rchar");
        read.trim().parse().expect("a number of bytes")
    }

    /// Bytes that the files in the data folder take on the disk.
    pub fn disk_use(&self) -> u64 {
        fn of(folder: &Path) -> u64 {
            let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            // A file may go between two looks.
            let bytes = |entry: fs::DirEntry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => of(&entry.path()),
                Ok(metadata) => metadata.blocks() * 512,
                Err(_) => 0,
            };
            entries.map(bytes).sum()
        }
        of(&self.data())
    }

    /// Runs the administrative command line against this broker.
    pub fn admin(&self, args: &[&str]) -> Ended {
        let mut command = command();
        command.args(args).arg("--data").arg(self.data());
        Process::start(&mut command).wait(DEADLINE)
    }

    /// As [`Broker::admin`] with `--json`, one object a line; panics unless it succeeded.
    pub fn admin_rows(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let ended = self.admin(&[args, &["--json"]].concat());
        assert!(ended.status.success(), "{args:?}: {ended:?}");
        let row =
            |line: &String| serde_json::from_str(line).unwrap_or_else(|error| panic!("{args:?}: {error}: {line}"));
        ended.stdout.iter().map(row).collect()
    }

    /// The only row of [`Broker::admin_rows`].
    pub fn admin_row(&self, args: &[&str]) -> serde_json::Value {
        let mut rows = self.admin_rows(args);
        assert_eq!(rows.len(), 1, "{args:?}: {rows:?}");
        rows.remove(0)
    }

    fn spawn(&self) -> Process {
        let path = self.folder.path().join("causeway.toml");
        fs::write(&path, self.config_text()).expect("write the configuration");
        let mut command = command();
        command.arg("--data").arg(self.data()).arg("--config").arg(&path).args(&self.options.args);
        command.envs(self.options.env.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command)
    }

    fn config_text(&self) -> String {
        let mut text = self.secured.as_ref().map(Secured::settings).unwrap_or_default() + &self.config;
        for face in Face::ALL {
            let (word, port) = (face.word(), self.ports.get(&face).copied().unwrap_or(0));
            text += &format!("\n[[listener]]\nface = \"{word}\"\naddress = \"127.0.0.1\"\nport = {port}\n");
        }
        text
    }

    fn note(&mut self, line: &str) {
        let face = Face::ALL.into_iter().find(|face| line.split_whitespace().next() == Some(face.word()));
        let port = line.split_once("://127.0.0.1:").map(|(_, rest)| {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse().unwrap_or_else(|_| panic!("no port in {line:?}"))
        });
        if let (Some(face), Some(port)) = (face, port) {
            self.ports.insert(face, port);
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let (true, Some(process)) = (std::thread::panicking(), &self.process) {
            println!("--- stderr of the broker\n{}---", process.stderr());
        }
    }
}

/// The binary under test, without the settings that the environment of the tests may hold for a broker.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with("CAUSEWAY_")).for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// `CAUSEWAY_BIN`, else the newest build in the target folder.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("CAUSEWAY_BIN") {
        return path.into();
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    let built = ["debug", "release"].map(|profile| target.join(profile).join("causeway"));
    let age = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let newest = built.into_iter().filter(|path| path.is_file()).max_by_key(age);
    newest.unwrap_or_else(|| {
        panic!("no binary in {}: run `cargo build -p gateway` first, or set CAUSEWAY_BIN", target.display())
    })
}

/// A port that no outgoing connection takes by chance while the broker is down.
fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    for _ in 0..1_000 {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port above {base}")
}

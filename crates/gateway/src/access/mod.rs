//! Who may connect, and what they may do: the files that say so, read at the start and after each change; the door that
//! asks clients who they are; the audit log.

mod audit;
mod door;
mod guards;
mod places;
mod roster;
mod said;
mod watch;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

use auth::policy::{Authority, HostNames, Policy};
use auth::{Accounts, Directory, LoginLimits, Logins, MasterKey, Rules, Users};
use config::Config;
use console::LoginFigures;
use directory::Directories;
use net::{Authenticator, LoginPool};

pub(crate) use self::audit::AuditLog;
use self::audit::AuditWriter;
use self::door::{Door, Doorman};
use self::roster::Everybody;
use self::watch::{Files, Watched};
use crate::engine::Engine;
use crate::exit::Failure;
use crate::permissions::{default_path, host_names};

/// Threads that check passwords and ask directories. Each may take 20 MiB for a moment.
const LOGIN_THREADS: usize = 4;
/// How often token servers are looked after.
const TEND: std::time::Duration = std::time::Duration::from_secs(1);
const NO_FILE: &str = "there is no such file";
/// They leave the processor to those who serve connections.
const LOGIN_NICENESS: i32 = 10;

/// What is asked at the door and by the broker, and where it comes from.
pub(crate) struct Access {
    door: Arc<Door>,
    users_path: PathBuf,
    permissions_path: PathBuf,
    master: MasterKey,
    rules: Rules,
    directory: Option<Arc<Directories>>,
    hosts: HostNames,
    audit: AuditLog,
    /// There when it has started.
    pool: OnceLock<LoginPool>,
}

/// What is to be started.
pub(crate) struct Startup {
    writer: Option<AuditWriter>,
    files: Files,
}

/// Threads and files that live as long as the broker serves.
pub(crate) struct Guarding {
    threads: Vec<std::thread::JoinHandle<()>>,
    pool: LoginPool,
    /// Dropped to end the watch.
    stop: Sender<()>,
}

impl Access {
    /// Reads the files. Returns with it what must be started.
    ///
    /// # Errors
    /// A file is wrong or cannot be read.
    pub(crate) fn open(config: &Config, random: [u8; 32]) -> Result<(Arc<Self>, Startup), Failure> {
        let wrong = |what: &str, path: &PathBuf, error: &dyn std::fmt::Display| {
            Failure::Configuration(format!("{what} {}: {error}", path.display()))
        };
        let users_path = config.users_file.clone();
        let permissions_path = default_path(config);
        // Seen before they are read, so that no change is missed.
        let files =
            Files { users: Watched::new(users_path.clone()), permissions: Watched::new(permissions_path.clone()) };
        let users = read_users(&users_path, false).map_err(|error| wrong("users file", &users_path, &error))?;
        let hosts = host_names(config);
        let policy = read_policy(&permissions_path, &hosts, config.permissions_file.is_some())
            .map_err(|error| wrong("permissions file", &permissions_path, &error))?;
        let master = master_key(config, &random)?;
        let rules = rules(config)?;
        let directory = directory(config)?;
        let accounts =
            Accounts::new(users, &master, rules.clone(), directory.clone().map(|it| it as Arc<dyn Directory>))
                .map_err(|error| wrong("users file", &users_path, &error))?;
        let accounts = Arc::new(accounts);
        let (audit, writer) = open_audit(config)?;
        let authority = Arc::new(Authority::new(policy, Arc::new(Everybody(accounts.clone()))));
        let limits = LoginLimits { cache_lifetime: config.login_cache.as_millis() as u64, ..LoginLimits::default() };
        let logins = Logins::new(accounts, random, limits);
        let most = config.max_connections_per_user;
        let door = Arc::new(Door::new(logins, authority, audit.clone(), most, config.dev));
        Ok((
            Arc::new(Self {
                door,
                users_path,
                permissions_path,
                master,
                rules,
                directory,
                hosts,
                audit,
                pool: OnceLock::new(),
            }),
            Startup { writer, files },
        ))
    }

    pub(crate) fn doorman(&self) -> Arc<dyn Authenticator> {
        Arc::new(Doorman(self.door.clone()))
    }

    pub(crate) fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Whether every credential is accepted.
    pub(crate) fn is_open(&self) -> bool {
        self.door.is_open()
    }

    pub(crate) fn has_administrator(&self) -> bool {
        self.door.with_logins(|logins| logins.accounts().users().has_administrator())
    }

    /// Starts everything. `changed` is called whenever rights have changed.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(
        self: &Arc<Self>,
        pool: &LoginPool,
        Startup { writer, files }: Startup,
        engine: &Arc<Engine>,
    ) -> std::io::Result<Guarding> {
        let pool = self.pool.get_or_init(|| pool.clone());
        let mut threads = Vec::new();
        for number in 0..LOGIN_THREADS {
            let pool = pool.clone();
            threads.push(std::thread::Builder::new().name(format!("login-{number}")).spawn(move || {
                // One that stays as it is works too.
                let _ = rustix::process::nice(LOGIN_NICENESS);
                pool.work();
            })?);
        }
        if let Some(writer) = writer {
            // Not waited for: it ends with the last one who could write.
            std::thread::Builder::new().name("audit".into()).spawn(move || writer.run())?;
        }
        let (stop, stopped) = channel();
        let (access, engine) = (self.clone(), engine.clone());
        if let Some(directory) = self.directory.clone() {
            // Not waited for: it may wait for a server when the process ends.
            std::thread::Builder::new().name("directory".into()).spawn(move || {
                loop {
                    directory.tend();
                    std::thread::sleep(TEND);
                }
            })?;
        }
        let watch = move || watch::watch(&access, files, &stopped, || engine.tell(model::Command::Reconsider));
        threads.push(std::thread::Builder::new().name("access".into()).spawn(watch)?);
        Ok(Guarding { threads, pool: pool.clone(), stop })
    }

    fn reload_users(&self) -> Result<(), String> {
        let users = read_users(&self.users_path, true)?;
        let accounts = Accounts::new(
            users,
            &self.master,
            self.rules.clone(),
            self.directory.clone().map(|it| it as Arc<dyn Directory>),
        )
        .map_err(|error| error.to_string())?;
        let accounts = Arc::new(accounts);
        self.door.with_logins(|logins| logins.replace(accounts.clone()));
        self.door.authority().set_roster(Arc::new(Everybody(accounts)));
        Ok(())
    }

    fn reload_permissions(&self) -> Result<(), String> {
        let policy = read_policy(&self.permissions_path, &self.hosts, true)?;
        self.door.authority().set_policy(policy);
        Ok(())
    }

    /// Passwords whose hashes were of an old kind get new ones.
    fn write_outdated(&self) {
        let outdated = self.door.take_outdated();
        if outdated.is_empty() {
            return;
        }
        if let Err(error) = crate::accounts::replace_hashes(&self.users_path, outdated) {
            tracing::warn!("users file {}: new hashes cannot be written: {error}", self.users_path.display());
        }
    }

    /// Whether a login has ended because it is later now: tokens have their time.
    fn passes_time(&self) -> bool {
        self.door.authority().set_time(net::Clock::default().now())
    }

    /// What stands against serving: listeners that the whole network reaches, where nobody could log in.
    ///
    /// # Errors
    /// It is refused.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Failure> {
        let open = |listener: &&config::Listener| !listener.socket.ip().to_canonical().is_loopback();
        let Some(listener) = config.listeners.iter().find(open) else { return Ok(()) };
        if config.dev || self.directory.is_some() || self.has_administrator() {
            return Ok(());
        }
        Err(Failure::Configuration(format!(
            "listener {}: {} is open to the network and there is no administrator: `causeway user add NAME --admin` makes \
             one (or set dev = true: everyone is let in)",
            listener.face.name(),
            listener.socket,
        )))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("users", &self.users_path).field("permissions", &self.permissions_path).finish()
    }
}

impl LoginFigures for Access {
    fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let counts = self.door.counts();
        let others = counts.refused_at_once + counts.unavailable;
        vec![
            ("granted", counts.granted.saturating_sub(counts.remembered)),
            ("remembered", counts.remembered),
            ("refused", counts.refused.saturating_sub(others)),
            ("refused_at_once", counts.refused_at_once),
            ("unavailable", counts.unavailable),
            ("abandoned", self.pool.get().map_or(0, LoginPool::abandoned)),
        ]
    }

    fn audit_lines_dropped(&self) -> u64 {
        self.audit.dropped()
    }
}

impl Guarding {
    pub(crate) fn stop(self) {
        let Self { threads, pool, stop } = self;
        pool.stop();
        drop(stop);
        for thread in threads {
            let _ = thread.join();
        }
    }
}

fn rules(config: &Config) -> Result<Rules, Failure> {
    if let Some(name) = config.anonymous.as_ref().filter(|name| !auth::is_name(name)) {
        return Err(Failure::Configuration(format!("anonymous = {name:?}: no user can be called so")));
    }
    Ok(Rules {
        anonymous: config.anonymous.clone(),
        certificate_user: match config.certificate_user {
            config::CertificateUser::Mapped => auth::CertificateUser::Mapped,
            config::CertificateUser::CommonName => auth::CertificateUser::CommonName,
        },
        cost: crate::accounts::cost(config)?,
    })
}

/// A broker that keeps nothing makes no file for a key that it does not need.
fn master_key(config: &Config, random: &[u8; 32]) -> Result<MasterKey, Failure> {
    if config.ephemeral && config.master_key.is_none() && !config.users_file.exists() {
        return Ok(MasterKey::new(*random));
    }
    crate::accounts::master_key(config)
}

fn directory(config: &Config) -> Result<Option<Arc<Directories>>, Failure> {
    let directories = Directories::from_config(config).map_err(|error| Failure::Configuration(error.to_string()))?;
    Ok(directories.map(Arc::new))
}

fn read_if_there(path: &std::path::Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn read_users(path: &std::path::Path, required: bool) -> Result<Users, String> {
    match read_if_there(path)? {
        Some(text) => Users::parse(&text).map_err(|error| error.to_string()),
        None if required => Err(NO_FILE.into()),
        None => Ok(Users::default()),
    }
}

fn read_policy(path: &std::path::Path, hosts: &HostNames, required: bool) -> Result<Policy, String> {
    match read_if_there(path)? {
        Some(text) => Policy::parse(&text, hosts).map_err(|errors| errors.to_string()),
        None if required => Err(NO_FILE.into()),
        None => Ok(Policy::open()),
    }
}

fn open_audit(config: &Config) -> Result<(AuditLog, Option<AuditWriter>), Failure> {
    let path = match &config.audit_log {
        Some(path) => path.clone(),
        None if config.ephemeral => return Ok((AuditLog::off(), None)),
        None => config.data.join("audit.log"),
    };
    let (log, writer) = AuditLog::open(&path)
        .map_err(|error| Failure::Start(format!("audit log {}: cannot open it: {error}", path.display())))?;
    Ok((log, Some(writer)))
}

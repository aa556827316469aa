//! From a configuration to a running broker, and back to silence.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Options, Step};
use config::{Config, Durability};
use console::ManagementOptions;
use model::{ConnectionId, Encodings, Lsn, Protocol, VirtualHosts};
use net::{Arrivals, Clock, Limits, LoginPool, SharedPort, Wakers};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::access::Access;
use crate::certificates::Certificates;
use crate::engine::{Around, Engine};
use crate::exit::Failure;
use crate::listeners::{self, Bound, Faces};
use crate::random;
use crate::store::{self, Running, Store};

/// Milliseconds after which there is a checkpoint although less than `checkpoint_size` was written.
const CHECKPOINT_INTERVAL: u64 = 30_000;
/// The part of memory and disk that messages may take on their way to the broker, and records on theirs to the disk, and how much
/// at most.
const TRANSIT_SHARE: u64 = 8;
const TRANSIT_ROOM: usize = 32 << 20;
/// The part of the memory that one subscription's waiting messages may have.
const SUBSCRIPTION_SHARE: u64 = 4;
/// Logins that may wait for the threads which check passwords.
const LOGINS_WAITING: usize = 16_384;
/// How long an HTTP connection may rest between requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    start_log(config)?;
    let certificates = Arc::new(Certificates::load(config)?);
    let now = Clock::default().now();
    let encodings = encodings();
    let mut broker = Broker::new(Options {
        encodings: encodings.clone(),
        auto_create: config.auto_create,
        max_queues: config.max_queues,
        max_queues_per_user: config.max_queues_per_user,
        asks_who: true,
        audits: !config.ephemeral || config.audit_log.is_some(),
        memory_limit: config.memory_limit,
        checkpoint_bytes: if config.ephemeral { 0 } else { config.checkpoint_size },
        evicts: !config.ephemeral,
        rests: !config.ephemeral,
        checkpoint_interval: CHECKPOINT_INTERVAL,
        ..Options::default()
    });
    let mut store = recover(config, &mut broker)?;
    let threads = config.io_threads;
    let secret = match (&config.secret_key, &store) {
        (Some(secret), _) => *secret.expose(),
        (None, Some(store)) => store.identity().secret,
        // Receipts and ids of a broker that keeps nothing need not outlive it.
        (None, None) => random::bytes()?,
    };
    let configuration = ConnectionId { thread: threads as u16, slot: 0, generation: 1 };
    let mut step = Step::default();
    if let Some(store) = &mut store {
        step.holds = std::mem::take(&mut store.holds);
    }
    let hosts = crate::define::define(config, &mut broker, now, configuration, &mut step)?;
    let (access, writer) = Access::open(config, random::bytes()?)?;
    access.check(config)?;
    let faces = faces(config, &encodings, &hosts, secret, &certificates, &access);
    let bound = listeners::bind(config, &faces, &certificates)?;
    let durable = store.as_ref().map_or(Lsn(0), Store::last);
    let wakers = Wakers::new(threads);
    let submitter = store.as_ref().map(|store| store.submitter.clone());
    let (backups, asked) = std::sync::mpsc::channel();
    let room = transit_room(config);
    let audit = access.audit().clone();
    let around = Around { journal: submitter, durable, wakers: wakers.clone(), room, backups, audit };
    let engine = Arc::new(Engine::new(broker, step, around));
    let repaired = store.as_ref().map(Store::repaired).unwrap_or_default();
    let running = match store {
        Some(store) => Some(store.start(&engine, asked).map_err(|error| Failure::Start(error.to_string()))?),
        None => None,
    };
    let pool = LoginPool::new(LOGINS_WAITING, wakers.clone());
    let cannot = |error| Failure::Start(format!("cannot start a thread: {error}"));
    let guarding = access.start(&pool, writer, &engine).map_err(cannot)?;
    let watching = certificates.watch().map_err(cannot)?;
    serve(config, bound, &engine, &wakers, (&access, pool), running, repaired)?;
    guarding.stop();
    if let Some(watching) = watching {
        watching.stop();
    }
    Ok(())
}

/// Log lines go to standard error, so that standard output stays for people and scripts.
fn start_log(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| Failure::Configuration(format!("log = {:?} is no filter: {error}", config.log)))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    Ok(())
}

fn encodings() -> Encodings {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(mqtt::MqttEncoding));
    encodings.register(Arc::new(aws::SqsEncoding));
    encodings.register(Arc::new(stomp::StompEncoding));
    encodings.register(Arc::new(amqp091::Amqp091Encoding));
    encodings.register(Arc::new(amqp10::Amqp10Encoding));
    encodings
}

fn recover(config: &Config, broker: &mut Broker) -> Result<Option<Store>, Failure> {
    if config.ephemeral {
        return Ok(None);
    }
    let options = store::options(config, crate::master_key::encryption(config)?);
    Store::open(&config.data, options, transit_room(config), broker).map(Some)
}

pub(crate) fn transit_room(config: &Config) -> usize {
    let least = config.disk_limit.map_or(config.memory_limit, |disk| disk.min(config.memory_limit));
    usize::try_from(least / TRANSIT_SHARE).unwrap_or(usize::MAX).min(TRANSIT_ROOM)
}

fn faces(
    config: &Config,
    encodings: &Encodings,
    hosts: &VirtualHosts,
    secret: [u8; 32],
    certificates: &Arc<Certificates>,
    access: &Arc<Access>,
) -> Faces {
    let login_timeout = config.login_timeout.as_millis() as u64;
    let subscription_bytes = config.memory_limit / SUBSCRIPTION_SHARE;
    let mut mqtt = mqtt::MqttOptions::new(encodings.clone());
    (mqtt.max_packet, mqtt.login_timeout) = (config.max_message_size, login_timeout);
    mqtt.session_bytes = subscription_bytes;
    mqtt.max_keep_alive = config.max_keep_alive.map(|longest| longest.as_millis() as u64);
    let mut stomp = stomp::StompOptions::new(encodings.clone());
    (stomp.max_body, stomp.login_timeout) = (config.max_message_size, login_timeout);
    stomp.subscription_bytes = subscription_bytes;
    stomp.virtual_hosts = hosts.clone();
    let aws =
        aws::AwsOptions { region: config.region.clone(), secret, encodings: encodings.clone(), external_host: None };
    let management = ManagementOptions {
        listeners: listeners::hints(config),
        certificates: Some(certificates.clone()),
        logins: Some(access.clone()),
    };
    Faces {
        mqtt: Arc::new(mqtt::Mqtt::new(mqtt)),
        amqp: amqp(config, encodings, hosts),
        stomp: Arc::new(stomp::Stomp::new(stomp)),
        aws: Arc::new(aws::Aws::new(aws)),
        console: Arc::new(console::Management::new(management)),
        admin: Arc::new(console::Admin::new(encodings.clone())),
    }
}

/// Both versions on one port. What is neither is refused by the first.
fn amqp(config: &Config, encodings: &Encodings, hosts: &VirtualHosts) -> Arc<dyn Protocol> {
    let login_timeout = config.login_timeout.as_millis() as u64;
    let mut amqp091 = amqp091::Amqp091Options::new(encodings.clone());
    (amqp091.max_message, amqp091.login_timeout) = (config.max_message_size as u64, login_timeout);
    amqp091.virtual_hosts = hosts.clone();
    let mut amqp10 = amqp10::Amqp10Options::new(encodings.clone());
    (amqp10.max_message, amqp10.login_timeout) = (config.max_message_size, login_timeout);
    amqp10.subscription_bytes = config.memory_limit / SUBSCRIPTION_SHARE;
    amqp10.virtual_hosts = hosts.clone();
    let protocols: Vec<Arc<dyn Protocol>> =
        vec![Arc::new(amqp091::Amqp091::new(amqp091)), Arc::new(amqp10::Amqp10::new(amqp10))];
    Arc::new(SharedPort::new("amqp", protocols, login_timeout))
}

/// Starts the threads, says where everything is, waits for a signal, and stops in order.
fn serve(
    config: &Config,
    bound: Bound,
    engine: &Arc<Engine>,
    wakers: &Wakers,
    (access, pool): (&Access, LoginPool),
    running: Option<Running>,
    repaired: Vec<String>,
) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let arrivals = Arrivals::new(wakers.len());
    let limits = Limits {
        connections: config.max_connections,
        login_timeout: config.login_timeout,
        idle_timeout: IDLE_TIMEOUT,
        slow_timeout: Some(config.slow_consumer_timeout).filter(|timeout| !timeout.is_zero()),
    };
    let mut listeners = bound.listeners;
    let threads: Vec<_> = (0..wakers.len() as u16)
        .map(|number| {
            let listeners = if number == 0 { std::mem::take(&mut listeners) } else { Vec::new() };
            let options = net::Options {
                core: engine.clone(),
                wakers: wakers.clone(),
                limits,
                authenticator: access.doorman(),
                pool: pool.clone(),
            };
            let arrivals = arrivals.clone();
            std::thread::Builder::new().name(format!("io-{number}")).spawn(move || {
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    net::run(number, options, listeners, arrivals)
                }));
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => Failure::Fatal(format!("IO thread {number}: {error}")).exit(),
                    // The state may be half changed; the journal has only whole facts. A new start reads those.
                    Err(_) => Failure::Fatal(format!("IO thread {number} ended by a defect")).exit(),
                }
            })
        })
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Start(format!("cannot start a thread: {error}")))?;
    announce(config, access, &bound.lines, &repaired)?;
    signals.wait();
    tracing::info!("stopping");
    engine.stop();
    for thread in threads {
        let _ = thread.join();
    }
    engine.finish();
    if let Some(running) = running {
        running.stop();
    }
    if let Some(path) = bound.admin {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn announce(config: &Config, access: &Access, lines: &[String], repaired: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut say = || {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        if config.ephemeral {
            writeln!(out, "Nothing is kept on disk (--ephemeral).")?;
        } else {
            let durability = match config.durability {
                Durability::Fsync => String::new(),
                weaker => format!(" (durability: {})", weaker.name()),
            };
            writeln!(out, "{:<8} {}{durability}", "store", config.data.display())?;
        }
        for repaired in repaired {
            writeln!(out, "Warning: {repaired}.")?;
        }
        if access.is_open() {
            writeln!(out, "Development mode: every user name, password and access key is accepted.")?;
        }
        writeln!(out, "Ready.")?;
        out.flush()
    };
    say().map_err(|error: std::io::Error| Failure::Start(error.to_string()))
}

/// Ctrl-C and SIGTERM. They are heard from the moment this is made.
struct Signals {
    runtime: tokio::runtime::Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Start(format!("cannot listen for signals: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let entered = runtime.enter();
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        drop(entered);
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Returns with the first one.
    fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        });
    }
}

//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::workload::dialect::{Care, Speech};
use crate::workload::mqtt::Mqtt;
use crate::workload::mqtt::session::Kept;
use crate::workload::signer::AccessKey;
use crate::workload::sqs::Phase;
use crate::workload::{idle, sqs, traffic};
use crate::{storm, tunnel};

/// Load generator for MQTT, AMQP, STOMP and SQS, and comparison of brokers on one machine.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// Print JSON instead of a table, or, with a file, write it there beside the table.
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Publish and subscribe on one topic: a closed loop, or a fixed rate.
    Mqtt(MqttArguments),
    /// Publish to and consume from one queue over AMQP 0-9-1.
    Amqp091(QueueArguments),
    /// The same over AMQP 1.0.
    Amqp10(QueueArguments),
    /// The same over STOMP 1.2.
    Stomp(QueueArguments),
    /// Send, receive and delete on one queue.
    Sqs(SqsArguments),
    /// Open idle MQTT connections and look at the memory.
    Idle(IdleArguments),
    /// Cut off many MQTT devices over TLS, each with a password of its own, and see how they come back.
    Storm(StormArguments),
    /// Start a program; time to the first accepted connection, memory at rest.
    Start(StartArguments),
    /// Time a 4 KiB overwrite with fdatasync.
    Fsync(FsyncArguments),
    /// Serve as the null relay: the limit of this machine.
    Relay(RelayArguments),
    /// Carry connections on to a broker, over TLS.
    Tunnel(TunnelArguments),
    /// Run every workload against every installed peer and Causeway in turns; ratios and targets.
    Compare(CompareArguments),
    /// List or install the peers to compare with.
    Peers {
        #[command(subcommand)]
        command: PeersCommand,
    },
}

#[derive(Args)]
pub struct Target {
    /// Where the broker listens.
    #[arg(long)]
    pub address: SocketAddr,
    /// The broker's process, to measure its CPU and memory.
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Args)]
pub struct TrafficArguments {
    #[command(flatten)]
    pub target: Target,
    /// Payload bytes.
    #[arg(long, default_value_t = 100)]
    pub size: usize,
    /// Messages of one publisher under way.
    #[arg(long, default_value_t = 500)]
    pub window: u64,
    /// Messages in one write.
    #[arg(long, default_value_t = 64)]
    pub batch: usize,
    /// Measured time.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
    #[arg(long, default_value_t = 0.8, value_parser = seconds)]
    pub warm_up: f64,
    /// Messages per second of all publishers together, instead of a window.
    #[arg(long)]
    pub rate: Option<f64>,
}

#[derive(Args)]
pub struct MqttArguments {
    #[command(flatten)]
    pub traffic: TrafficArguments,
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub qos: u8,
    #[arg(long, default_value_t = 1)]
    pub publishers: usize,
    #[arg(long, default_value_t = 1)]
    pub subscribers: usize,
    /// Subscribe with sessions that the broker has to keep.
    #[arg(long)]
    pub persistent: bool,
}

#[derive(Args)]
pub struct QueueArguments {
    #[command(flatten)]
    pub traffic: TrafficArguments,
    /// Durable messages, each confirmed to the publisher and acknowledged by the consumer.
    #[arg(long)]
    pub confirmed: bool,
}

#[derive(Args)]
pub struct SqsArguments {
    #[command(flatten)]
    pub target: Target,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Body bytes.
    #[arg(long, default_value_t = 100)]
    pub size: usize,
    /// Measured time.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
    #[arg(long, default_value_t = 0.8, value_parser = seconds)]
    pub warm_up: f64,
    #[arg(long, value_enum, default_value_t = Phase::Mixed)]
    pub phase: Phase,
    /// Sign with this access key, ID:SECRET; without one the signatures only look like some.
    #[arg(long)]
    pub key: Option<AccessKey>,
}

#[derive(Args)]
pub struct IdleArguments {
    #[arg(long)]
    pub address: SocketAddr,
    #[arg(long)]
    pub pid: u32,
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
    /// Then subscribe each to a topic of its own.
    #[arg(long)]
    pub subscribe: bool,
    /// Rest before each look at the memory.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub settle: f64,
}

#[derive(Args)]
pub struct StormArguments {
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Devices resume their TLS sessions when they come back.
    #[arg(long)]
    pub resume: bool,
    /// How long a device waits for its CONNACK.
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    pub patience: f64,
    /// Rest before each storm.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub quiet: f64,
    /// How long a storm may take.
    #[arg(long, default_value_t = 900.0, value_parser = seconds)]
    pub limit: f64,
    /// The causeway program; by default the one beside this program.
    #[arg(long)]
    pub causeway: Option<PathBuf>,
    /// Where the broker keeps its data.
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Args)]
pub struct StartArguments {
    /// Where the program will listen.
    #[arg(long)]
    pub address: SocketAddr,
    /// Rest before the look at the memory.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub settle: f64,
    /// The program and its arguments; everything behind belongs to it.
    #[arg(long, num_args = 1.., allow_hyphen_values = true, required = true)]
    pub command: Vec<String>,
}

#[derive(Args)]
pub struct FsyncArguments {
    /// A folder on the disk in question.
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
}

#[derive(Args)]
pub struct RelayArguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    pub address: SocketAddr,
}

#[derive(Args)]
pub struct TunnelArguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    pub address: SocketAddr,
    /// The broker.
    #[arg(long)]
    pub to: SocketAddr,
    /// PEM file with the authority of the broker's certificate; without it there is no TLS.
    #[arg(long)]
    pub authority: Option<PathBuf>,
}

#[derive(Args)]
pub struct CompareArguments {
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Only workloads whose name contains one of these texts.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only these peers (Causeway and the relay always run).
    #[arg(long, value_delimiter = ',')]
    pub peers: Vec<String>,
    /// The causeway program; by default the one beside this program, if there is one.
    #[arg(long)]
    pub causeway: Option<PathBuf>,
    /// Measured time of each run.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
    /// Idle connections.
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
    /// Where the brokers keep their data: a folder on a real disk.
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum PeersCommand {
    /// What is found on this machine.
    List,
    /// Install moto (pip) and fauxqs (npm) into the cache folder, RabbitMQ and ActiveMQ (apt) into the system.
    Install,
}

impl TrafficArguments {
    fn plan(&self, speech: Speech) -> traffic::Plan {
        traffic::Plan {
            address: self.target.address,
            pid: self.target.pid,
            speech,
            size: self.size,
            publishers: 1,
            subscribers: 1,
            window: self.window,
            batch: self.batch,
            warm_up: Duration::from_secs_f64(self.warm_up),
            measured: Duration::from_secs_f64(self.seconds),
            rate: self.rate,
        }
    }
}

impl MqttArguments {
    pub fn plan(&self) -> traffic::Plan {
        let kept = if self.persistent { Kept::Yes } else { Kept::No };
        let plan = self.traffic.plan(Speech::Mqtt(Mqtt { qos: self.qos, kept }));
        traffic::Plan { publishers: self.publishers, subscribers: self.subscribers, ..plan }
    }
}

impl QueueArguments {
    pub fn plan(&self, speech: impl FnOnce(Care) -> Speech) -> traffic::Plan {
        self.traffic.plan(speech(if self.confirmed { Care::Confirmed } else { Care::Transient }))
    }
}

impl SqsArguments {
    pub fn plan(&self) -> sqs::Plan {
        sqs::Plan {
            address: self.target.address,
            pid: self.target.pid,
            connections: self.connections,
            size: self.size,
            warm_up: Duration::from_secs_f64(self.warm_up),
            measured: Duration::from_secs_f64(self.seconds),
            phase: self.phase,
            key: self.key.clone(),
        }
    }
}

impl IdleArguments {
    pub fn plan(&self) -> idle::Plan {
        idle::Plan {
            address: self.address,
            pid: self.pid,
            connections: self.connections,
            subscribe: self.subscribe,
            settle: Duration::from_secs_f64(self.settle),
        }
    }
}

impl TunnelArguments {
    pub fn plan(&self) -> tunnel::Plan {
        tunnel::Plan { address: self.address, to: self.to, authority: self.authority.clone() }
    }
}

impl StormArguments {
    pub fn plan(&self) -> storm::Plan {
        storm::Plan {
            causeway: self.causeway.clone(),
            folder: self.folder.clone(),
            devices: self.devices,
            resume: self.resume,
            patience: Duration::from_secs_f64(self.patience),
            quiet: Duration::from_secs_f64(self.quiet),
            limit: Duration::from_secs_f64(self.limit),
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text} is not a number"))?;
    if (0.0..=3600.0).contains(&value) { Ok(value) } else { Err("between 0 and 3600 seconds".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_started_program_keeps_its_own_flags() {
        let line = ["bench", "start", "--address", "127.0.0.1:1", "--command", "causeway", "--data", "d", "--json"];
        let Command::Start(start) = Arguments::try_parse_from(line).unwrap().command else { panic!("not start") };
        assert_eq!(start.command, ["causeway", "--data", "d", "--json"]);
    }

    #[test]
    fn json_goes_to_the_screen_or_to_a_file() {
        let parse = |line: &[&str]| Arguments::try_parse_from(line).unwrap().json;
        assert_eq!(parse(&["bench", "compare"]), None);
        assert_eq!(parse(&["bench", "compare", "--json"]), Some(PathBuf::from("-")));
        assert_eq!(parse(&["bench", "compare", "--json", "f", "--rounds", "1"]), Some(PathBuf::from("f")));
    }

    #[test]
    fn bounds() {
        for wrong in [["--seconds", "-1"], ["--seconds", "x"], ["--qos", "2"]] {
            let line = ["bench", "mqtt", "--address", "127.0.0.1:1"].iter().chain(&wrong);
            assert!(Arguments::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }
}

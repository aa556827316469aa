use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::admin::request::{Kind, WhenFull};
use crate::cli::units::{parse_duration, parse_size};

/// Subcommands that talk to a running broker.
#[derive(Clone, Debug, Subcommand)]
pub enum CliCommand {
    /// Show totals, memory and alarms
    Status,
    /// List queues
    Queues(QueuesArguments),
    /// Show one queue: counts, settings, bindings
    Queue(QueueArguments),
    /// List topics that somebody is bound to or that have a retained message
    Topics(TopicsArguments),
    /// List connected clients
    Connections,
    /// Show which queues hold the store's space and memory, since when, and who has not settled what
    #[command(visible_alias = "why-memory")]
    WhyDisk(WhyArguments),
    /// Look at the first ready messages of a queue; they stay where they are
    Peek(PeekArguments),
    /// Send a message to a queue or topic
    Send(SendArguments),
    /// Drop all ready messages of a queue
    Purge(PurgeArguments),
    /// Move ready messages to the end of another queue
    Move(MoveArguments),
    /// Write the ready messages of a queue to a file, whole, one a line in JSON
    Export(ExportArguments),
    /// Put exported messages into a queue
    Import(ImportArguments),
    /// Copy the store of the running broker into a folder
    Backup(BackupArguments),
    /// Show messages as they arrive in a queue or on topics
    Tail(TailArguments),
    /// Make a queue
    Create(CreateArguments),
    /// Delete a queue and its messages
    Delete(DeleteArguments),
}

#[derive(Clone, Debug, Args)]
pub struct QueuesArguments {
    /// Only queues whose name begins so
    #[arg(default_value = "")]
    pub(super) prefix: String,
    /// Also those that protocols made for themselves
    #[arg(long)]
    pub(super) internal: bool,
    /// Only of the namespace with this number [default: of all]
    #[arg(long, value_name = "NUMBER")]
    pub(super) namespace: Option<u16>,
}

#[derive(Clone, Debug, Args)]
pub struct QueueArguments {
    pub(super) queue: String,
    /// Number of the queue's namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) namespace: u16,
}

#[derive(Clone, Debug, Args)]
pub struct TopicsArguments {
    /// Only of the namespace with this number [default: of all]
    #[arg(long, value_name = "NUMBER")]
    pub(super) namespace: Option<u16>,
}

#[derive(Clone, Debug, Args)]
pub struct WhyArguments {
    /// How many queues
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) most: usize,
}

#[derive(Clone, Debug, Args)]
pub struct PeekArguments {
    #[command(flatten)]
    pub(super) queue: QueueArguments,
    /// How many messages
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(super) count: u64,
}

#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("to").args(["queue", "topic"]).required(true)))]
#[command(group(clap::ArgGroup::new("what").args(["body", "file"]).required(true)))]
pub struct SendArguments {
    pub(super) queue: Option<String>,
    /// Send to this topic instead: words with dots between them
    #[arg(long, value_name = "KEY")]
    pub(super) topic: Option<String>,
    /// The message's text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) body: Option<String>,
    /// Read the body from a file; `-` for standard input
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// Must survive a restart
    #[arg(long)]
    pub(super) durable: bool,
    /// 0 to 9, higher first [default: 4]
    #[arg(long, value_name = "N")]
    pub(super) priority: Option<u8>,
    /// Drop the message if it is not delivered within this time: 500ms, 10s, 5m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) ttl: Option<u64>,
    /// Deliver the message only after this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) delay: Option<u64>,
    /// Send it so many times
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
    pub(super) count: u64,
    /// Number of the namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) namespace: u16,
}

#[derive(Clone, Debug, Args)]
pub struct PurgeArguments {
    #[command(flatten)]
    pub(super) queue: QueueArguments,
    /// Also drop what is handed out and not settled
    #[arg(long)]
    pub(super) leased: bool,
}

#[derive(Clone, Debug, Args)]
pub struct MoveArguments {
    pub(super) from: String,
    pub(super) to: String,
    /// At most so many messages [default: all]
    #[arg(long, value_name = "N")]
    pub(super) max: Option<u64>,
    /// Number of the queues' namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) namespace: u16,
}

#[derive(Clone, Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub(super) queue: QueueArguments,
    /// A new file [default: standard output]
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// At most so many messages [default: all that are ready at the beginning]
    #[arg(long, value_name = "N")]
    pub(super) max: Option<u64>,
    /// Delete from the queue what has been written and flushed
    #[arg(long)]
    pub(super) remove: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ImportArguments {
    /// Where the messages go [default: each to the queue that it was in]
    pub(super) queue: Option<String>,
    /// What `export` has written [default: standard input]
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// Number of the queues' namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) namespace: u16,
}

#[derive(Clone, Debug, Args)]
pub struct BackupArguments {
    /// A folder on the broker's machine that is new or empty
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("from").args(["queue", "topic"]).required(true)))]
pub struct TailArguments {
    pub(super) queue: Option<String>,
    /// Topics instead: words with dots between them; `*` is any word, `#` any number of words
    #[arg(long, value_name = "PATTERN")]
    pub(super) topic: Option<String>,
    /// Number of the namespace
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) namespace: u16,
}

#[derive(Clone, Debug, Args)]
pub struct CreateArguments {
    #[command(flatten)]
    pub(super) queue: QueueArguments,
    /// A queue hands messages out, a log keeps them to be read again
    #[arg(long, value_enum, default_value_t = Kind::Queue)]
    pub(super) kind: Kind,
    /// Is gone after a restart
    #[arg(long)]
    pub(super) transient: bool,
    /// Order messages by priority, up to this one [default: 0, order of arrival]
    #[arg(long, value_name = "N")]
    pub(super) max_priority: Option<u8>,
    /// Most messages, ready and leased
    #[arg(long, value_name = "N")]
    pub(super) max_length: Option<u64>,
    /// Most bytes: 4096, 64KiB, 10MiB, 2GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(super) max_bytes: Option<u64>,
    /// What happens to a message for which there is no room
    #[arg(long, value_enum, default_value_t = WhenFull::Reject)]
    pub(super) overflow: WhenFull,
    /// How long a message may wait: 500ms, 10s, 5m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) ttl: Option<u64>,
    /// How long a message is held back
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) delay: Option<u64>,
    /// How long a delivery belongs to its receiver, where the protocol sets a time [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) lease: Option<u64>,
    /// Where messages go that cannot be processed
    #[arg(long, value_name = "QUEUE")]
    pub(super) dead_letter: Option<String>,
    /// Deliveries after which a message goes there
    #[arg(long, value_name = "N", requires = "dead_letter")]
    pub(super) max_deliveries: Option<u32>,
}

#[derive(Clone, Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    pub(super) queue: QueueArguments,
    /// Only if it has no consumer
    #[arg(long)]
    pub(super) if_unused: bool,
    /// Only if it has no message
    #[arg(long)]
    pub(super) if_empty: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(subcommand)]
        command: CliCommand,
    }

    fn parses(line: &str) -> bool {
        Arguments::try_parse_from(line.split(' ')).map(|arguments| arguments.command).is_ok()
    }

    #[test]
    fn the_definition_holds() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn one_target_and_one_body() {
        assert!(parses("causeway send orders --body -x"));
        assert!(parses("causeway send --topic a.b --file - --ttl 5s --count 3"));
        assert!(!parses("causeway send orders"));
        assert!(!parses("causeway send --body x"));
        assert!(!parses("causeway send orders --topic a --body x"));
        assert!(!parses("causeway send orders --body x --file y"));
        assert!(!parses("causeway send orders --body x --ttl 5"));
        assert!(parses("causeway tail --topic a.#") && parses("causeway tail orders"));
        assert!(!parses("causeway tail") && !parses("causeway tail orders --topic a"));
        assert!(parses("causeway create a --dead-letter b --max-deliveries 3 --overflow drop-head"));
        assert!(!parses("causeway create a --max-deliveries 3"));
    }
}

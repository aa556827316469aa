use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::admin::LINE_BYTES;
use crate::admin::request::{Command, Create, QueueName, Send, Tail};
use crate::cli::arguments::{CliCommand, CreateArguments, QueueArguments, SendArguments};
use crate::cli::error::CliError;

/// The request that a subcommand makes. Reads the file that is to be sent.
pub(super) fn of(command: &CliCommand) -> Result<Command, CliError> {
    Ok(match command {
        CliCommand::Status => Command::Status {},
        CliCommand::Queues(it) => {
            Command::Queues { namespace: it.namespace, prefix: it.prefix.clone(), internal: it.internal }
        }
        CliCommand::Queue(it) => Command::Queue(QueueName { namespace: it.namespace, queue: it.queue.clone() }),
        CliCommand::Topics(it) => Command::Topics { namespace: it.namespace },
        CliCommand::Connections => Command::Connections {},
        CliCommand::WhyDisk(it) => Command::WhyDisk { most: it.most },
        CliCommand::Peek(it) => {
            let QueueArguments { queue, namespace } = it.queue.clone();
            Command::Peek { namespace, queue, count: it.count }
        }
        CliCommand::Send(it) => Command::Send(send(it)?),
        CliCommand::Purge(it) => {
            let QueueArguments { queue, namespace } = it.queue.clone();
            Command::Purge { namespace, queue, leased: it.leased }
        }
        CliCommand::Move(it) => {
            Command::Move { namespace: it.namespace, from: it.from.clone(), to: it.to.clone(), max: it.max }
        }
        CliCommand::Export(_) | CliCommand::Import(_) | CliCommand::Backup(_) => {
            unreachable!("these are more than one request, or read what comes differently")
        }
        CliCommand::Tail(it) => {
            Command::Tail(Tail { namespace: it.namespace, queue: it.queue.clone(), topic: it.topic.clone() })
        }
        CliCommand::Create(it) => Command::Create(create(it)),
        CliCommand::Delete(it) => {
            let QueueArguments { queue, namespace } = it.queue.clone();
            Command::Delete { namespace, queue, if_unused: it.if_unused, if_empty: it.if_empty }
        }
    })
}

fn send(arguments: &SendArguments) -> Result<Send, CliError> {
    let (body, body_base64) = match &arguments.file {
        None => (arguments.body.clone(), None),
        Some(path) => match String::from_utf8(read(path)?) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        },
    };
    Ok(Send {
        namespace: arguments.namespace,
        queue: arguments.queue.clone(),
        topic: arguments.topic.clone(),
        body,
        body_base64,
        durable: arguments.durable,
        priority: arguments.priority,
        ttl: arguments.ttl,
        delay: arguments.delay,
        count: Some(arguments.count),
    })
}

/// A file that fits into a request.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let file: io::Result<Box<dyn Read>> = if path == Path::new("-") {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as _)
    };
    let mut body = Vec::new();
    let read = file.and_then(|file| file.take(LINE_BYTES as u64 + 1).read_to_end(&mut body));
    read.map_err(|source| CliError::File { path: path.to_owned(), source })?;
    if body.len() > LINE_BYTES {
        return Err(CliError::TooLong);
    }
    Ok(body)
}

fn create(arguments: &CreateArguments) -> Create {
    Create {
        namespace: arguments.queue.namespace,
        queue: arguments.queue.queue.clone(),
        kind: Some(arguments.kind),
        durable: Some(!arguments.transient),
        max_priority: arguments.max_priority,
        max_length: arguments.max_length,
        max_bytes: arguments.max_bytes,
        overflow: Some(arguments.overflow),
        ttl: arguments.ttl,
        delay: arguments.delay,
        lease: arguments.lease,
        dead_letter: arguments.dead_letter.clone(),
        max_deliveries: arguments.max_deliveries,
    }
}

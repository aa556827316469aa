//! Run a program so that neither it nor what it starts outlives its deadline, its end, or this process.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(ExitStatus),
    OutOfTime,
}

/// How long a killed group's output may take to end; only a program that left the group can hold it longer.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `command` to its end or to `deadline`, and hands each line of its standard output to `line`.
///
/// When this returns, everything that the command started in its process group has been killed.
pub(crate) fn run(command: &mut Command, deadline: Instant, mut line: impl FnMut(&str)) -> Result<End> {
    let mut guard = Guard::start()?;
    command.process_group(guard.group()).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    let events = watch(child);
    let (mut end, mut output_open, mut until) = (None, true, deadline);
    while end.is_none() || output_open {
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Line(text)) => line(&text),
            Ok(Event::OutputEnded) => output_open = false,
            Ok(Event::Exited(status)) if end.is_none() => end = Some(End::Exited(status?)),
            Ok(Event::Exited(_)) => {}
            Err(RecvTimeoutError::Timeout) if end.is_none() => end = Some(End::OutOfTime),
            Err(_) => break,
        }
        if end.is_some() && guard.kill() {
            until = Instant::now() + GRACE;
        }
    }
    end.context("the program was lost sight of")
}

/// Standard output of a short question to a tool; `None` if the tool is missing or refuses.
pub(crate) fn ask(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

enum Event {
    Line(String),
    OutputEnded,
    Exited(io::Result<ExitStatus>),
}

fn watch(mut child: Child) -> Receiver<Event> {
    let (events, receiver) = mpsc::channel();
    let output = child.stdout.take().expect("standard output is piped");
    let lines = events.clone();
    thread::spawn(move || read_lines(output, &lines));
    // Nobody listens any more once the deadline has passed.
    thread::spawn(move || events.send(Event::Exited(child.wait())).ok());
    receiver
}

fn read_lines(output: impl Read, events: &Sender<Event>) {
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        if events.send(Event::Line(text)).is_err() {
            return;
        }
        bytes.clear();
    }
    events.send(Event::OutputEnded).ok();
}

/// The leader of a process group: a shell that kills the group, itself included, once its input ends.
///
/// Its input ends with the guard or with this process, whatever ended it (an interrupt, a kill). As the leader lives
/// until then, the number of the group cannot pass to strangers.
struct Guard {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    fn start() -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r _; kill -KILL 0"]).process_group(0);
        let mut shell = shell.stdin(Stdio::piped()).spawn().context("cannot start sh")?;
        let input = shell.stdin.take();
        Ok(Self { shell, input })
    }

    fn group(&self) -> i32 {
        i32::try_from(self.shell.id()).expect("process numbers fit 31 bits")
    }

    /// Kills the group; false if that was done before.
    fn kill(&mut self) -> bool {
        let first = self.input.take().is_some();
        // The shell ends by its own signal: nothing to learn from its status.
        self.shell.wait().ok();
        first
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_and_the_exit_code_arrive() {
        let mut lines = Vec::new();
        let far = Instant::now() + Duration::from_secs(60);
        let end = run(&mut shell("echo one; printf two; exit 3"), far, |line| lines.push(line.to_owned())).unwrap();
        assert!(matches!(end, End::Exited(status) if status.code() == Some(3)));
        assert_eq!(lines, ["one", "two"]);
    }

    /// Runs a script that leaves a sleeper behind, and waits until nobody holds its error output any more.
    fn run_to_the_last_process(script: &str, deadline: Instant) -> End {
        let begun = Instant::now();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut command = shell(script);
        let end = run(command.stderr(writer), deadline, |_| ()).unwrap();
        drop(command);
        reader.read_to_end(&mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(300), "the sleeper slept to its end");
        end
    }

    #[test]
    fn what_a_program_leaves_behind_ends_with_it() {
        let far = Instant::now() + Duration::from_secs(60);
        let end = run_to_the_last_process("sleep 600 & exit 0", far);
        assert!(matches!(end, End::Exited(status) if status.success()));
    }

    #[test]
    fn the_deadline_ends_the_whole_group() {
        assert_eq!(run_to_the_last_process("sleep 600 & sleep 600", Instant::now()), End::OutOfTime);
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program"), Instant::now(), |_| ()).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
        assert_eq!(ask("no-such-program", "--version"), None);
    }
}

//! A child process whose output is read as it comes and whose end is awaited with a deadline.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::poll::poll;

/// A running program with captured output; killed on drop.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program that ended has left.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<String>,
    pub stderr: String,
}

/// How many of `wanted` sockets may be opened; programs that are started from now on have that limit, too.
pub fn files_to_open(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let room = most.min(limit.current.unwrap_or(u64::MAX).max(wanted as u64 + 300));
    setrlimit(Resource::Nofile, Rlimit { current: Some(room), maximum: limit.maximum }).expect("up to the maximum");
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX).saturating_sub(300))
}

impl Process {
    /// Starts `command` with both outputs captured and no input.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (sender, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut err = child.stderr.take().expect("stderr is piped");
        let stderr = Arc::new(Mutex::new(String::new()));
        let text = Arc::clone(&stderr);
        let readers = vec![
            thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))),
            thread::spawn(move || collect(&mut err, &text)),
        ];
        Self { child, lines, stderr, readers }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of stdout; `None` when the program closed it or the time is up.
    pub fn line(&self, within: Duration) -> Option<String> {
        self.lines.recv_timeout(within).ok()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a child's id is positive");
        rustix::process::kill_process(pid, signal).expect("the child is ours and not reaped");
    }

    /// What the program wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("no reader panics").clone()
    }

    /// Ends it at once; everything that it wrote to stderr.
    pub fn end(mut self) -> String {
        let _ = self.child.kill();
        self.child.wait().expect("the child is ours");
        self.readers.drain(..).for_each(|reader| reader.join().expect("readers do not panic"));
        self.stderr()
    }

    /// Waits for the end; past the deadline the program is killed and the test fails.
    pub fn wait(mut self, within: Duration) -> Ended {
        let start = Instant::now();
        let mut stdout = Vec::new();
        let status = poll(within, || {
            stdout.extend(self.lines.try_iter());
            self.child.try_wait().expect("the child is ours")
        });
        let Some(status) = status else {
            let (pid, stderr) = (self.pid(), self.stderr());
            panic!("process {pid} still runs after {:?}\n{}\n{stderr}", start.elapsed(), stdout.join("\n"));
        };
        self.readers.drain(..).for_each(|reader| reader.join().expect("readers do not panic"));
        stdout.extend(self.lines.try_iter());
        Ended { status, stdout, stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when the child is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(from: &mut impl Read, into: &Mutex<String>) {
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        into.lock().expect("no reader panics").push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
}

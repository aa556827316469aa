//! What the journal costs: appends records of 1 KiB in groups of 200, the window of a busy producer, and prints CPU
//! per message (all threads, user and system) and the count of fdatasync; then the same groups by a plain loop of write and
//! fdatasync that appends to a file, and by one that writes a zeroed file again and again, the most that the disk can do.
//!
//! `cargo run --release -p journal --example append_cost -- FOLDER [MESSAGES]`

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use journal::disk::real::RealDisk;
use journal::{Batch, Changes, Error, Events, Hold, Lsn, Options, Payload, Store, open, put_record};
use rustix::time::{ClockId, clock_gettime};

const GROUP: u64 = 200;
const RECORD: usize = 1024;
const BACKLOG: u64 = 10_000;
/// Records between checkpoints.
const CHECKPOINT: u64 = 60_000;

struct Quiet;

impl Events for Quiet {
    fn failed(&mut self, _: Error) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: append_cost FOLDER [MESSAGES]")?;
    let messages: u64 = arguments.next().map_or(Ok(200_000), |number| number.parse())?;

    let disk = Arc::new(RealDisk::new(&folder)?);
    let mut replay = |_: Lsn, _: u64, _: &[u8], _: &Store, _: &mut Changes| Ok(());
    let opened = open(disk, Options::default(), &mut replay)?;
    let (mut writer, keeper) = (opened.writer, opened.keeper);
    let helper = std::thread::spawn(move || keeper.run(Quiet));

    // One batch per record, as if each came from another connection.
    let (payload, begin) = (record(), opened.next.0);
    let batch = |first: u64| {
        let hold = |lsn| vec![Hold { lsn: Lsn(lsn), bytes: RECORD as u32, count: 1 }];
        // Each record is held until as many are behind it as a short queue has.
        let releases = if first > begin + BACKLOG { hold(first - BACKLOG) } else { Vec::new() };
        let checkpoint = first.is_multiple_of(CHECKPOINT).then_some(Lsn(first));
        let payload = payload.clone();
        Batch { first: Lsn(first), count: 1, time: 0, payload, holds: hold(first), releases, checkpoint, reread: false }
    };
    let mut next = opened.next.0;
    let before = opened.store.counters();
    let (cpu, clock) = (cpu_micros(), Instant::now());
    for _ in 0..messages / GROUP {
        let group: Vec<Batch> = (next..next + GROUP).map(batch).collect();
        next += GROUP;
        writer.append(&group)?;
    }
    let (cpu, wall) = (cpu_micros() - cpu, clock.elapsed());
    let after = opened.store.counters();
    drop(writer);
    helper.join().map_err(|_| "the keeper panicked")?;

    let count = (messages / GROUP * GROUP) as f64;
    #[expect(clippy::print_stdout, reason = "this program is for reading its output")]
    {
        println!("cpu         {:8.2} µs/message", cpu / count);
        println!("rate        {:8.0} messages/s", count / wall.as_secs_f64());
        println!("frames      {:8}", after.frames - before.frames);
        println!("fdatasyncs  {:8}", after.syncs - before.syncs);
        println!("bytes       {:8.0} per message", (after.bytes - before.bytes) as f64 / count);
    }
    plain(&folder, messages, wall.as_secs_f64(), "appending", 0)?;
    plain(&folder, messages, wall.as_secs_f64(), "in place", 64 << 20)
}

/// Writes as many groups as long: to `zeroed` bytes again and again, or to a file that grows.
fn plain(folder: &str, messages: u64, journal: f64, name: &str, zeroed: u64) -> Result<(), Box<dyn std::error::Error>> {
    let group = vec![0x5a; ((RECORD as u64 + 4) * GROUP + 68).next_multiple_of(4096) as usize];
    let path = std::path::Path::new(folder).join("plain");
    let file = File::create(&path)?;
    for at in (0..zeroed).step_by(1 << 20) {
        file.write_all_at(&[0; 1 << 20], at)?;
    }
    file.sync_all()?;
    let (cpu, clock) = (cpu_micros(), Instant::now());
    let mut at = 0;
    for _ in 0..messages / GROUP {
        if zeroed > 0 && at + group.len() as u64 > zeroed {
            at = 0;
        }
        file.write_all_at(&group, at)?;
        file.sync_data()?;
        at += group.len() as u64;
    }
    let (cpu, wall) = (cpu_micros() - cpu, clock.elapsed().as_secs_f64());
    std::fs::remove_file(path)?;
    let count = (messages / GROUP * GROUP) as f64;
    #[expect(clippy::print_stdout, reason = "this program is for reading its output")]
    {
        println!("{name:<12}{:8.2} µs/message, {:.0} messages/s", cpu / count, count / wall);
        println!("            {:8.0} % of that is the journal's rate", 100.0 * wall / journal);
    }
    Ok(())
}

fn record() -> Payload {
    let mut payload = BytesMut::new();
    put_record(&mut payload, &[0x5a; RECORD]);
    payload.freeze().into()
}

fn cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

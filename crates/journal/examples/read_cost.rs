//! What reading costs: every record in order, in loads of a hundred, and one record of each frame, from segments and from
//! cold files; and what the table of holders takes.
//!
//! `cargo run --release -p journal --example read_cost -- FOLDER [MESSAGES]`

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use journal::disk::real::RealDisk;
use journal::{Batch, Changes, Error, Events, Hold, Lsn, Opened, Options, Store, open, put_record};

/// Records of a frame.
const GROUP: u64 = 1000;
const RECORD: usize = 1024;
const LOAD: u64 = 100;

struct Quiet;

impl Events for Quiet {
    fn failed(&mut self, _: Error) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: read_cost FOLDER [MESSAGES]")?;
    let messages: u64 = arguments.next().map_or(Ok(400_000), |number| number.parse())?;
    let disk = Arc::new(RealDisk::new(folder)?);
    let mut replay = |_: Lsn, _: u64, _: &[u8], _: &Store, _: &mut Changes| Ok(());
    let mut opened = open(disk, Options::default(), &mut replay)?;
    let begin = opened.next.0;
    fill(&mut opened, messages)?;
    say("segments, in order", messages, || drain(&opened.store, begin, messages))?;
    say("segments, one of each frame", messages / GROUP, || pick(&opened.store, begin, messages))?;
    // Every other record goes, so that all files are rewritten.
    let half = |lsn: u64| lsn.is_multiple_of(2);
    let releases = (begin..begin + messages).filter(|lsn| !half(*lsn)).map(hold).collect();
    let next = begin + messages;
    opened.writer.append(&[Batch { releases, checkpoint: Some(Lsn(next)), ..batch(next, 1) }])?;
    let clock = Instant::now();
    opened.keeper.serve(&mut Quiet)?;
    #[expect(clippy::print_stdout, reason = "this program is for reading its output")]
    {
        println!("{:28} {:8.0} ms", "checkpoint and rewrite", clock.elapsed().as_secs_f64() * 1e3);
    }
    let held = |step: u64| (begin..begin + messages - GROUP).filter(move |lsn| half(*lsn)).step_by(step as usize);
    say("cold files, in order", messages / 2, || held(1).try_for_each(|lsn| one(&opened.store, lsn)))?;
    say("cold files, one of each MiB", messages / 2048, || held(1024).try_for_each(|lsn| one(&opened.store, lsn)))?;
    Ok(())
}

fn fill(opened: &mut Opened, messages: u64) -> Result<(), Error> {
    let begin = opened.next.0;
    for first in (begin..begin + messages).step_by(GROUP as usize) {
        let holds = (first..first + GROUP).map(hold).collect();
        opened.writer.append(&[Batch { holds, ..batch(first, GROUP as u32) }])?;
        opened.keeper.serve(&mut Quiet)?;
    }
    Ok(())
}

fn drain(store: &Store, begin: u64, messages: u64) -> Result<(), Error> {
    (begin..begin + messages)
        .step_by(LOAD as usize)
        .try_for_each(|first| store.read(Lsn(first), Lsn(first + LOAD - 1)).map(drop))
}

fn pick(store: &Store, begin: u64, messages: u64) -> Result<(), Error> {
    (begin + GROUP / 2..begin + messages).step_by(GROUP as usize).try_for_each(|lsn| one(store, lsn))
}

fn one(store: &Store, lsn: u64) -> Result<(), Error> {
    store.read(Lsn(lsn), Lsn(lsn)).map(drop)
}

fn say(what: &str, records: u64, act: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let clock = Instant::now();
    act()?;
    #[expect(clippy::print_stdout, reason = "this program is for reading its output")]
    {
        println!("{what:28} {:8.2} µs/record", clock.elapsed().as_secs_f64() * 1e6 / records as f64);
    }
    Ok(())
}

fn hold(lsn: u64) -> Hold {
    Hold { lsn: Lsn(lsn), bytes: RECORD as u32, count: 1 }
}

fn batch(first: u64, count: u32) -> Batch {
    let mut payload = BytesMut::new();
    (0..count).for_each(|_| put_record(&mut payload, &[0x5a; RECORD]));
    let payload = payload.freeze().into();
    Batch { first: Lsn(first), count, payload, ..Batch::default() }
}

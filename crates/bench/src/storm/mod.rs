//! Many devices that lose their connections at once and come back at once: each with a user and password of its own, over
//! TLS. The first coming, to a broker that has just started, is the storm after a restart: every password is checked. The
//! second one is the storm after a cut: the broker stayed, and remembers.

mod device;
mod scene;
mod stayed;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use tokio::sync::watch;

use crate::process::{self, Usage};
use crate::report::{Table, number, optional};
use crate::statistics::Latency;
use device::{Crowd, Tally};
use scene::Scene;
use stayed::Stayed;

/// Descriptors kept for everything but the devices' connections, in this process and in the broker's.
const SPARE_FILES: u64 = 256;
/// How often memory is looked at, and progress.
const LOOK: Duration = Duration::from_millis(100);
/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Plan {
    pub causeway: Option<PathBuf>,
    pub folder: PathBuf,
    pub devices: usize,
    /// Whether devices resume their TLS sessions when they come back.
    pub resume: bool,
    /// How long a device waits for its CONNACK.
    pub patience: Duration,
    /// How long all is quiet before each storm.
    pub quiet: Duration,
    /// How long a storm may take.
    pub limit: Duration,
}

#[derive(Clone, Debug, Serialize)]
pub struct Storms {
    pub devices: usize,
    /// Of the one who stays, while nothing else happens; microseconds.
    pub before: Latency,
    pub after_restart: Storm,
    pub after_cut: Storm,
}

/// What one storm was like.
#[derive(Clone, Debug, Serialize)]
pub struct Storm {
    /// Until half of the devices, 99 of 100, and all were back.
    pub half_seconds: f64,
    pub most_seconds: f64,
    pub all_seconds: f64,
    pub tally: Tally,
    /// Logins by outcome, as the broker counts them.
    pub logins: Vec<(String, u64)>,
    /// The highest anonymous memory of the broker.
    pub peak_kib: u64,
    pub cpu_seconds: f64,
    /// By thread.
    pub threads: Vec<(String, f64)>,
    /// Of the one who stays; microseconds.
    pub stayed: Latency,
}

/// # Errors
/// The limit of open files is too low, the broker does not start, or the devices are not back in time.
pub fn run(plan: &Plan) -> Result<Storms> {
    ensure!(plan.devices > 0, "at least one device");
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let most = limit.saturating_sub(SPARE_FILES);
        ensure!(plan.devices as u64 <= most, "at most {most} devices: the limit of open files is {limit}");
    }
    let scene = Scene::set(plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, both(plan, &scene))
}

async fn both(plan: &Plan, scene: &Scene) -> Result<Storms> {
    let stayed = Stayed::start(scene)?;
    let (rounds, round) = watch::channel(0);
    let crowd = Rc::new(Crowd::new(plan, scene, round)?);
    for index in 0..plan.devices {
        tokio::task::spawn_local(device::live(crowd.clone(), index));
    }
    tokio::time::sleep(plan.quiet).await;
    let before = stayed.take()?;
    rounds.send_replace(1);
    let after_restart = storm(plan, scene, &crowd, &stayed).await.context("after the restart")?;
    tokio::time::sleep(plan.quiet).await;
    stayed.take()?;
    crowd.begin();
    rounds.send_replace(2);
    let after_cut = storm(plan, scene, &crowd, &stayed).await.context("after the cut")?;
    Ok(Storms { devices: plan.devices, before, after_restart, after_cut })
}

async fn storm(plan: &Plan, scene: &Scene, crowd: &Crowd, stayed: &Stayed) -> Result<Storm> {
    let (start, pid) = (Instant::now(), scene.pid());
    let (before, logins) = (Usage::of(pid)?, scene.logins()?);
    let (mut peak_kib, mut told) = (0, TELL);
    let reached = RefCell::new([None; 3]);
    loop {
        tokio::time::sleep(LOOK).await;
        let (elapsed, inside) = (start.elapsed(), crowd.inside());
        peak_kib = peak_kib.max(process::anonymous_kib(pid)?);
        let marks = [plan.devices.div_ceil(2), (plan.devices * 99).div_ceil(100), plan.devices];
        for (mark, reached) in marks.iter().zip(reached.borrow_mut().iter_mut()) {
            if inside >= *mark && reached.is_none() {
                *reached = Some(elapsed.as_secs_f64());
            }
        }
        if inside >= plan.devices {
            break;
        }
        if elapsed >= told {
            told += TELL;
            eprintln!("{:3.0} s: {inside} are back; {:?}", elapsed.as_secs_f64(), crowd.tally());
        }
        ensure!(elapsed < plan.limit, "only {inside} are back after {elapsed:?}; {:?}", crowd.tally());
    }
    let spent = Usage::of(pid)?.since(&before);
    let [half, most, all] = reached.into_inner().map(|at| at.unwrap_or_default());
    let mut counted = scene.logins()?;
    for (outcome, count) in &mut counted {
        *count -= logins.iter().find(|(name, _)| name == outcome).map_or(0, |(_, count)| *count);
    }
    Ok(Storm {
        half_seconds: half,
        most_seconds: most,
        all_seconds: all,
        tally: crowd.tally(),
        logins: counted,
        peak_kib,
        cpu_seconds: spent.cpu_micros / 1e6,
        threads: spent.threads.iter().map(|(name, micros)| (name.clone(), micros / 1e6)).collect(),
        stayed: stayed.take()?,
    })
}

pub fn report(found: &Storms) -> String {
    let mut table = Table::new(["", "after a restart", "after a cut"]);
    let mut line = |name: &str, cell: &dyn Fn(&Storm) -> String| {
        table.row([name.to_owned(), cell(&found.after_restart), cell(&found.after_cut)]);
    };
    line("half · 99 % · all are back, s", &|it| {
        [it.half_seconds, it.most_seconds, it.all_seconds].map(number).join(" · ")
    });
    line("attempts", &|it| it.tally.attempts.to_string());
    line("refused: unavailable · else", &|it| format!("{} · {}", it.tally.unavailable, it.tally.refused));
    line("broken · without answer", &|it| format!("{} · {}", it.tally.broken, it.tally.unanswered));
    line("TLS sessions resumed", &|it| it.tally.resumed.to_string());
    for (outcome, _) in &found.after_cut.logins {
        line(&format!("logins, {outcome}"), &|it| {
            it.logins.iter().find(|(name, _)| name == outcome).map_or(0, |(_, count)| *count).to_string()
        });
    }
    line("peak anonymous memory, MiB", &|it| number(it.peak_kib as f64 / 1024.0));
    line("broker CPU, s", &|it| number(it.cpu_seconds));
    for (name, _) in &found.after_restart.threads {
        line(&format!("  thread {name}"), &|it| {
            optional(it.threads.iter().find(|(thread, _)| thread == name).map(|(_, seconds)| *seconds))
        });
    }
    let latency = |it: &Latency| [it.p50, it.p99, it.max].map(|micros| number(micros / 1e3)).join(" · ");
    line("who stayed: PUBACK p50 · p99 · max, ms", &|it| latency(&it.stayed));
    format!(
        "{} devices. Who stayed, before: p50 · p99 · max {} ms\n{}",
        found.devices,
        latency(&found.before),
        table.render()
    )
}

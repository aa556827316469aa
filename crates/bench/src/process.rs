//! What Linux says about a process: CPU time by thread, anonymous memory, bytes sent to the disk, listening sockets.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};
use serde::Serialize;

/// Counters of one process and of the machine at one moment.
#[derive(Clone, Debug)]
pub struct Usage {
    cpu_ticks: u64,
    threads: BTreeMap<u32, (String, u64)>,
    written: Option<u64>,
    machine_busy_ticks: u64,
    own_ticks: u64,
    flushes: u64,
}

/// The difference of two [`Usage`]s.
#[derive(Clone, Debug, Serialize)]
pub struct Spent {
    /// Microseconds of user and system time of all threads; the kernel's tick, usually 10 ms, is the grain.
    pub cpu_micros: f64,
    /// Microseconds by thread name; threads that ended in between are missing here, not above.
    pub threads: BTreeMap<String, f64>,
    /// Bytes the process caused to be written to storage, where the kernel tells.
    pub written: Option<u64>,
    /// Flushes that all disks of the machine completed: at least those behind this process's fdatasyncs.
    pub flushes: u64,
    /// CPU microseconds of everybody but this process and the observed one; other guests of the host, too.
    pub others_micros: f64,
}

impl Usage {
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("no process {pid}"))?;
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        Ok(Self {
            cpu_ticks: parse_stat(&stat).with_context(|| format!("/proc/{pid}/stat has an unknown form"))?.1,
            threads: threads(pid),
            written: field(&io, "write_bytes:"),
            machine_busy_ticks: parse_busy(&fs::read_to_string("/proc/stat")?).context("/proc/stat")?,
            own_ticks: parse_stat(&fs::read_to_string("/proc/self/stat")?).context("/proc/self/stat")?.1,
            flushes: parse_flushes(&fs::read_to_string("/proc/diskstats").unwrap_or_default()),
        })
    }

    /// CPU microseconds since the process began.
    pub fn total_micros(&self) -> f64 {
        self.cpu_ticks as f64 * tick_micros()
    }

    /// What was spent from `earlier` to `self`.
    pub fn since(&self, earlier: &Self) -> Spent {
        let ticks = self.cpu_ticks.saturating_sub(earlier.cpu_ticks);
        let own = self.own_ticks.saturating_sub(earlier.own_ticks);
        let busy = self.machine_busy_ticks.saturating_sub(earlier.machine_busy_ticks);
        let mut threads = BTreeMap::new();
        for (id, (name, nanos)) in &self.threads {
            let before = earlier.threads.get(id).map_or(0, |(_, nanos)| *nanos);
            *threads.entry(name.clone()).or_insert(0.0) += nanos.saturating_sub(before) as f64 / 1e3;
        }
        Spent {
            cpu_micros: ticks as f64 * tick_micros(),
            threads,
            written: self.written.zip(earlier.written).map(|(now, then)| now.saturating_sub(then)),
            flushes: self.flushes.saturating_sub(earlier.flushes),
            others_micros: busy.saturating_sub(ticks + own) as f64 * tick_micros(),
        }
    }
}

/// Anonymous resident memory in KiB (`RssAnon`): the part that file cache pressure cannot shrink.
pub fn anonymous_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("no process {pid}"))?;
    field(&status, "RssAnon:").with_context(|| format!("{path} has no RssAnon"))
}

/// Addresses on which the process accepts TCP connections.
pub fn listening(pid: u32) -> Result<Vec<SocketAddr>> {
    let mut inodes = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        if let Some(inode) = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')) {
            inodes.push(inode.to_owned());
        }
    }
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/net/{table}")) else { continue };
        found.extend(text.lines().skip(1).filter_map(|line| parse_listener(line, &inodes)));
    }
    Ok(found)
}

fn tick_micros() -> f64 {
    1e6 / rustix::param::clock_ticks_per_second() as f64
}

/// Name and nanoseconds on a CPU of each thread. `schedstat` is exact; `stat`, in ticks, is the fallback.
fn threads(pid: u32) -> BTreeMap<u32, (String, u64)> {
    let mut threads = BTreeMap::new();
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return threads };
    for entry in entries.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((name, ticks)) = parse_stat(&stat) else { continue };
        let exact = fs::read_to_string(entry.path().join("schedstat")).ok();
        let nanos = exact.and_then(|text| text.split_whitespace().next()?.parse().ok());
        threads.insert(id, (name.to_owned(), nanos.unwrap_or((ticks as f64 * tick_micros() * 1e3) as u64)));
    }
    threads
}

/// Name and `utime + stime` in ticks of a `stat` line (proc(5)); the name may hold blanks and parentheses.
fn parse_stat(stat: &str) -> Option<(&str, u64)> {
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let mut fields = stat.get(close + 1..)?.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((stat.get(open + 1..close)?, user + system))
}

/// Ticks of all cores that were neither idle nor waiting for the disk, stolen ones included: the first line of `/proc/stat`.
fn parse_busy(stat: &str) -> Option<u64> {
    let mut words = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<u64>);
    let mut next = || words.next()?.ok();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _wait) = (next()?, next()?);
    Some(user + nice + system + (0..3).filter_map(|_| next()).sum::<u64>())
}

/// The sixteenth counter of each device in `/proc/diskstats`; partitions have none.
fn parse_flushes(diskstats: &str) -> u64 {
    diskstats.lines().filter_map(|line| line.split_whitespace().nth(3 + 15)?.parse::<u64>().ok()).sum()
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// One line of `/proc/net/tcp` or `tcp6`, if it is a listener (state 0A) with one of the inodes.
fn parse_listener(line: &str, inodes: &[String]) -> Option<SocketAddr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != "0A" || !inodes.iter().any(|mine| mine == inode) {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = (0..address.len() / 8).map(|at| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok());
    let bytes: Vec<u8> = words.collect::<Option<Vec<u32>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn stat_with_a_hostile_name() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 123 45 0 0 20 0 3 0 99 1000 200";
        assert_eq!(parse_stat(line), Some(("a) b (c", 168)));
        assert_eq!(parse_stat("42 (short) S 1"), None);
        assert_eq!(parse_stat(")("), None);
    }

    #[test]
    fn busy_leaves_out_idle_and_waiting() {
        assert_eq!(parse_busy("cpu  10 1 5 1000 77 2 3 50 0 0\ncpu0 …"), Some(71));
        assert_eq!(parse_busy("intr 1"), None);
    }

    #[test]
    fn flushes_of_all_devices() {
        let full = "254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 777 16";
        assert_eq!(parse_flushes(&format!("{full}\n{full}\n8 1 old 1 2 3\n")), 2 * 777);
        assert_eq!(parse_flushes(""), 0);
    }

    #[test]
    fn status_fields() {
        let status = "Name:\tx\nVmRSS:\t  900 kB\nRssAnon:\t     132 kB\n";
        assert_eq!(field(status, "RssAnon:"), Some(132));
        assert_eq!(field(status, "RssFile:"), None);
    }

    #[test]
    fn listeners_of_both_families() {
        let inodes = vec!["77".to_owned()];
        let four = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1";
        assert_eq!(parse_listener(four, &inodes), Some("127.0.0.1:8080".parse().unwrap()));
        let any = "0: 00000000000000000000000000000000:1F90 0:0 0A 0:0 0:0 0 0 0 77 1";
        assert_eq!(parse_listener(any, &inodes), Some("[::]:8080".parse().unwrap()));
        let established = four.replace(" 0A ", " 01 ");
        assert_eq!(parse_listener(&established, &inodes), None);
        assert_eq!(parse_listener(four, &[]), None);
    }

    #[test]
    fn this_process_has_threads_memory_and_listeners() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let pid = std::process::id();
        assert!(listening(pid).unwrap().contains(&socket.local_addr().unwrap()));
        assert!(anonymous_kib(pid).unwrap() > 0);
        let before = Usage::of(pid).unwrap();
        assert!(!before.threads.is_empty());
        let spent = Usage::of(pid).unwrap().since(&before);
        assert!(spent.cpu_micros >= 0.0 && spent.threads.values().all(|micros| *micros >= 0.0));
    }
}

//! What the machine offers, for the defaults that depend on it.

/// Readings of the machine; tests make their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of physical memory; `None` if it cannot be read.
    pub memory: Option<u64>,
    /// The tightest memory limit of the process's cgroups, in bytes; `None` without one.
    pub cgroup_memory: Option<u64>,
}

/// Where nothing can be read: enough to work, small enough for the smallest machine.
const UNKNOWN_MEMORY: u64 = 512 << 20;

impl Machine {
    /// Reads this machine.
    pub fn read() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::from_files(cores, |path| std::fs::read_to_string(path).ok())
    }

    /// Takes the readings from the texts of Linux's files, which `read` gives by path.
    pub fn from_files(cores: usize, read: impl Fn(&str) -> Option<String>) -> Self {
        let memory = read("/proc/meminfo").and_then(|text| parse_meminfo(&text));
        let groups = read("/proc/self/cgroup").unwrap_or_default();
        let limits = groups.lines().filter_map(limit_files).flatten();
        let cgroup_memory = limits.filter_map(|path| read(&path)?.trim().parse().ok()).min();
        Self { cores, memory, cgroup_memory }
    }

    /// Bytes this process may fill: the machine's memory or the cgroup's limit, whichever is less.
    pub fn usable_memory(&self) -> u64 {
        match (self.memory, self.cgroup_memory) {
            (Some(memory), Some(limit)) => memory.min(limit),
            (Some(bytes), None) => bytes,
            // Without the machine's size a limit cannot be told from "unlimited", which v1 writes as a huge number.
            (None, Some(limit)) if limit < 1 << 50 => limit,
            (None, _) => UNKNOWN_MEMORY,
        }
    }
}

/// Bytes of `MemTotal`, which proc(5) gives in kB of 1,024 bytes.
fn parse_meminfo(text: &str) -> Option<u64> {
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The limit files of one line of `/proc/self/cgroup` (cgroups(7): `id:controllers:path`) and of all its ancestors, as
/// every level binds. In a container the path may be the host's and not exist, but the root is the container's own.
fn limit_files(line: &str) -> Option<Vec<String>> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        names if names.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    let mut files = vec![format!("{root}/{file}")];
    let mut folder = root.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        // A group outside the namespace: its files are not below this root.
        if part == ".." {
            break;
        }
        folder = format!("{folder}/{part}");
        files.push(format!("{folder}/{file}"));
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8000000 kB\nMemFree:          100 kB\n";
    const GIB: u64 = 1 << 30;

    fn machine(files: &[(&str, &str)]) -> Machine {
        Machine::from_files(4, |path| files.iter().find(|(p, _)| *p == path).map(|(_, text)| (*text).to_owned()))
    }

    #[test]
    fn memory_without_a_limit() {
        let found = machine(&[
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "0::/user.slice\n"),
            ("/sys/fs/cgroup/user.slice/memory.max", "max\n"),
        ]);
        assert_eq!(found, Machine { cores: 4, memory: Some(8_192_000_000), cgroup_memory: None });
        assert_eq!(found.usable_memory(), 8_192_000_000);
    }

    #[test]
    fn the_tightest_ancestor_of_v2_counts() {
        let found = machine(&[
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/sys/fs/cgroup/a/memory.max", "1073741824\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "2147483648\n"),
        ]);
        assert_eq!((found.cgroup_memory, found.usable_memory()), (Some(GIB), GIB));
    }

    #[test]
    fn v1_in_a_container() {
        let found = machine(&[
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "9:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
            ("/sys/fs/cgroup/cpu/memory.max", "1\n"),
        ]);
        assert_eq!(found.usable_memory(), GIB / 2);
    }

    #[test]
    fn v1_without_a_limit_and_nothing_at_all() {
        let huge = [
            ("/proc/self/cgroup", "7:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
        ];
        assert_eq!(machine(&huge).usable_memory(), UNKNOWN_MEMORY);
        assert_eq!(machine(&[]).usable_memory(), UNKNOWN_MEMORY);
    }

    #[test]
    fn a_path_outside_the_namespace_is_not_followed() {
        assert_eq!(limit_files("0::/../../x").unwrap(), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(limit_files("nonsense"), None);
    }

    #[test]
    fn this_machine_can_be_read() {
        let here = Machine::read();
        assert!(here.cores > 0 && here.usable_memory() > 0, "{here:?}");
    }
}

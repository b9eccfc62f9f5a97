//! What a run leaves in the machine: processes, listeners, directories.

use plumbline_keeper::ProcessIdentity;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A process that belongs to a run.
pub struct Process {
    identity: ProcessIdentity,
    /// As the kernel has it: 15 bytes at most.
    pub name: String,
}

/// What there is of a run at one moment.
pub struct Traces {
    /// Those that carry the run's marker, and those that descend from the program; without the program itself.
    pub processes: Vec<Process>,
    /// The listening sockets of all of them, and of the program.
    pub listeners: BTreeSet<u64>,
    runs: BTreeSet<String>,
    folders: Vec<PathBuf>,
}

impl Traces {
    /// Of the run of the process `program`, which writes to `folders`; the first of them is for directories of runs.
    pub fn of(program: u32, folders: Vec<PathBuf>) -> Self {
        let runs = entries(&folders[0]);
        let mut pids = marked(&runs);
        pids.extend(descendants(program));
        let named = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            Some(Process {
                identity: ProcessIdentity::of(*pid)?,
                name: name.trim_end().to_owned(),
            })
        };
        let listening = listening();
        Self {
            processes: pids.iter().filter_map(named).collect(),
            listeners: pids
                .iter()
                .chain([&program])
                .flat_map(|pid| sockets(*pid))
                .filter(|socket| listening.contains(socket))
                .collect(),
            runs,
            folders,
        }
    }

    /// What of it is still there, in words.
    pub fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let alive = self
            .processes
            .iter()
            .filter(|process| process.identity.is_alive());
        left.extend(alive.map(|process| format!("process {} {}", process.identity.pid, process.name)));
        left.extend(
            marked(&self.runs)
                .iter()
                .map(|pid| format!("process {pid} has the run's marker")),
        );
        let listening = listening();
        let heard = self.listeners.iter().filter(|socket| listening.contains(socket));
        left.extend(heard.map(|socket| format!("socket {socket} listens")));
        for folder in &self.folders {
            left.extend(
                entries(folder)
                    .iter()
                    .map(|entry| format!("{}/{entry}", folder.display())),
            );
        }
        left
    }
}

/// The names in a folder; one that is not there has none.
fn entries(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Every process that carries the marker of one of the runs.
fn marked(runs: &BTreeSet<String>) -> BTreeSet<u32> {
    let markers: Vec<_> = runs.iter().map(|run| format!("PLUMBLINE_RUN={run}")).collect();
    let is_marked = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| markers.iter().any(|marker| marker.as_bytes() == variable))
    };
    match markers.is_empty() {
        true => BTreeSet::new(),
        false => processes().into_iter().filter(is_marked).collect(),
    }
}

fn descendants(ancestor: u32) -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in processes() {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.insert(child);
            parents.push(child);
        }
    }
    found
}

/// The second field of the line is the name in parentheses, and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The inodes of the sockets that a process holds.
fn sockets(pid: u32) -> Vec<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    targets
        .filter_map(|target| {
            target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

/// The inodes of all TCP sockets that listen.
fn listening() -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = fs::read_to_string(table).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            if let (Some(&"0A"), Some(Ok(inode))) = (fields.get(3), fields.get(9).map(|inode| inode.parse()))
            {
                found.insert(inode);
            }
        }
    }
    found
}

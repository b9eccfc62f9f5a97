//! The command line.

use crate::commands::Images;
use clap::{Args, Parser, Subcommand, ValueEnum};
use plumbline_cluster::node_image::Mirrors;
use plumbline_model::Shard;
use std::path::PathBuf;

/// A declarative test and conformance harness for GitOps platforms built on Flux.
///
/// plumbline builds the platform on a throw-away cluster, does to it what its people do, and reports which
/// requirements hold.
#[derive(Debug, Parser)]
#[command(name = "plumbline", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Where things are.
    #[command(flatten)]
    pub places: Places,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all passed, 1 a scenario failed, 2 wrong usage or an invalid scenario, \
3 environment or harness fault, 4 nothing selected, 5 something was left behind, 130/143 interrupted.";

/// Where things are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Places and progress")]
pub struct Places {
    /// The folder that holds scenarios/, fixtures/ and clusters/ [default: this folder or the nearest one above it]
    #[arg(long, global = true, value_name = "DIR", env = "PLUMBLINE_PROJECT")]
    pub project: Option<PathBuf>,
    /// Where programs and images are kept between runs [default: plumbline in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", env = "PLUMBLINE_CACHE")]
    pub cache: Option<PathBuf>,
    /// Where the directories of runs are made and removed [default: plumbline in the user's run-time folder]
    #[arg(long, global = true, value_name = "DIR", env = "PLUMBLINE_RUNS")]
    pub runs: Option<PathBuf>,
    /// Fetch nothing: use what is in the cache and on PATH
    #[arg(long, global = true, env = "PLUMBLINE_OFFLINE")]
    pub offline: bool,
    /// Show on standard error what goes on inside, for example `warn` or `plumbline_cluster=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "PLUMBLINE_TRACE")]
    pub trace: Option<String>,
    /// How progress is shown while it runs, on standard error
    #[arg(long, global = true, value_enum, default_value_t = ProgressStyle::Auto)]
    pub progress: ProgressStyle,
}

impl Places {
    /// What the environment says, for callers whose command line is not this program's.
    pub fn of_environment() -> Self {
        #[derive(Parser)]
        struct Bare {
            #[command(flatten)]
            places: Places,
        }
        Bare::parse_from(["plumbline"]).places
    }
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressStyle {
    /// Bars on a terminal, lines elsewhere
    Auto,
    /// Bars
    Bars,
    /// A line for each thing that ends, and a sign of life every half minute
    Lines,
    /// Nothing until the end
    None,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios and report, requirement by requirement
    Run(Box<Run>),
    /// Check scenario files without starting anything
    Check(Selection),
    /// List scenarios, with what they claim and prove
    List(Selection),
    /// Start the platform and leave it up; prints the KUBECONFIG line
    Up(Up),
    /// End what `up` started
    Down,
    /// List the programs that plumbline uses, and fetch them
    Tools(Tools),
    /// Render the reports of a recorded run again; the exit code is that of the run
    Report(Report),
    /// Put the results of several environments into one table, requirement by requirement
    Table(Table),
    /// Verify a conformance report: everything that follows in it is derived again, and compared
    VerifyReport(VerifyReport),
    /// Print the JSON Schema of a format, for editors and for who reads reports
    Schema(Schema),
    /// Work with images by hand: what the platform's pipelines do to them
    Images(Images),
    /// Make the image of kind's nodes, where none can be pulled
    #[command(subcommand)]
    NodeImage(NodeImage),
    /// Say what this machine lacks for kind, and what to do about it
    Doctor(Doctor),
    /// Remove what runs that were killed have left behind
    Gc(Gc),
}

/// Which scenarios.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct Selection {
    /// Scenario files or folders [default: scenarios/]
    #[arg(value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
    /// Only scenarios whose id contains this (may be given several times)
    #[arg(long, short, value_name = "TEXT")]
    pub name: Vec<String>,
    /// Only scenarios with this tag, or without it: `slow`, `!slow` (of several, one must be there, and none of those with `!`)
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
}

impl Selection {
    /// The selection as it was given, each flag with what it takes.
    pub fn words(&self) -> Vec<String> {
        let paths = self.paths.iter().map(|path| path.display().to_string());
        let names = self.name.iter().map(|name| format!("--name {name}"));
        let tags = self.tag.iter().map(|tag| format!("--tag {tag}"));
        paths.chain(names).chain(tags).collect()
    }
}

/// On what.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Clusters")]
pub struct Clusters {
    /// The kind of cluster
    #[arg(long, value_enum, default_value_t, env = "PLUMBLINE_ON")]
    pub on: On,
    /// With which Kubernetes.
    #[command(flatten)]
    pub kubernetes: Kubernetes,
    /// The release of Flux to run, of those in clusters/toolchain.toml [default: that of the FluxInstance]
    #[arg(long, value_name = "VERSION", env = "PLUMBLINE_FLUX", value_parser = version)]
    pub flux: Option<String>,
}

/// Which version of Kubernetes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Clusters")]
pub struct Kubernetes {
    /// The version of Kubernetes, of those in clusters/toolchain.toml [default: the one that kube-apiserver has there]
    #[arg(
        id = "kubernetes",
        long = "kubernetes",
        value_name = "VERSION",
        env = "PLUMBLINE_KUBERNETES",
        value_parser = version
    )]
    pub version: Option<String>,
}

/// A version, with or without the `v` that tags begin with.
fn version(text: &str) -> Result<String, String> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    match plain.starts_with(|first: char| first.is_ascii_digit()) {
        true => Ok(plain.to_owned()),
        false => Err("a version is written like 1.34.4".to_owned()),
    }
}

impl Clusters {
    /// What the environment says, for callers whose command line is not this program's.
    pub fn of_environment() -> Self {
        #[derive(Parser)]
        struct Bare {
            #[command(flatten)]
            clusters: Clusters,
        }
        Bare::parse_from(["plumbline"]).clusters
    }
}

/// A kind of cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// A real control plane as processes, and a node that simulates pods; needs nothing but this machine
    #[default]
    Embedded,
    /// kind: real nodes and pods, in containers of a Docker engine; set up by clusters/kind.yaml
    Kind,
    /// A cluster that is there already, named by --context: it is only looked at, without --allow-writes
    Existing,
}

/// Which existing cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Clusters")]
pub struct ExistingCluster {
    /// With `--on existing`: the context of the kubeconfig, which is never the current one by itself
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// With `--on existing`: the kubeconfig [default: what KUBECONFIG names, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// With `--on existing`: run also scenarios that write, each in a namespace that is made for it and removed with it
    #[arg(long)]
    pub allow_writes: bool,
}

/// `plumbline run`.
#[derive(Clone, Debug, Default, Args)]
pub struct Run {
    /// On what.
    #[command(flatten)]
    pub clusters: Clusters,
    /// Which existing cluster.
    #[command(flatten)]
    pub existing: ExistingCluster,
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// Only what did not pass in the run of this event log
    #[arg(long, value_name = "LOG", help_heading = "Selection")]
    pub rerun_failed: Option<PathBuf>,
    /// Only one part of the plan, such as 2/4: several machines run the others
    #[arg(long, value_name = "N/COUNT", help_heading = "Selection")]
    pub shard: Option<Shard>,
    /// Show what would run, in which order and why, and start nothing
    #[arg(long, help_heading = "Selection")]
    pub plan: bool,
    /// In which order, and how it goes on.
    #[command(flatten)]
    pub order: Order,
    /// Which reports.
    #[command(flatten)]
    pub outputs: Outputs,
    /// Where the event log goes, written while it runs
    #[arg(
        long,
        value_name = "FILE",
        default_value = "run.ndjson",
        help_heading = "Reports"
    )]
    pub log: PathBuf,
    /// Where what the nodes have logged goes when a scenario does not pass; only kind's nodes log
    #[arg(long, value_name = "DIR", help_heading = "Reports")]
    pub node_logs: Option<PathBuf>,
}

/// In which order scenarios run, and what happens when one does not pass.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Order and failures")]
pub struct Order {
    /// How many scenarios run side by side [default: 4 for each processor, on kind 3, and at most 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallel: Option<u16>,
    /// Shuffle the order; the seed is printed, and given again it makes the same order
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, value_parser = seed)]
    pub shuffle: Option<Option<u64>>,
    /// Start no further scenario after the first that does not pass
    #[arg(long)]
    pub fail_fast: bool,
    /// What a scenario that passes only at a further attempt means for the exit code
    #[arg(long, value_enum, default_value_t)]
    pub flaky: Flaky,
    /// Leave the platform up after the run, to look around, with what failed scenarios made; Ctrl-C ends it
    #[arg(long, value_enum, default_value_t)]
    pub keep: KeepPlatform,
    /// Hold still at a step that does not pass, before anything is cleaned up, until Enter is pressed
    #[arg(long)]
    pub pause_on_failure: bool,
}

/// More has not been tried.
const MOST_SIDE_BY_SIDE: u16 = 16;

fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "a seed is a whole number, as an earlier run printed it".to_owned())
}

impl Order {
    /// How many scenarios run side by side, where so many processors are to be had: they wait more than they work, but what they wait
    /// for works too, on the same machine. With many more, each waits for the others until its time is over, and none ends sooner.
    pub fn parallel(&self, on: On, processors: usize) -> u16 {
        let of_each = match on {
            On::Embedded | On::Existing => 4,
            On::Kind => 3,
        };
        let all = u16::try_from(processors.saturating_mul(of_each)).unwrap_or(MOST_SIDE_BY_SIDE);
        self.parallel.unwrap_or(all.min(MOST_SIDE_BY_SIDE))
    }
}

/// What a flaky scenario means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Flaky {
    /// It is reported as flaky, and the exit code can be 0
    #[default]
    Pass,
    /// It makes the exit code 1
    Fail,
}

/// When the platform stays up after the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KeepPlatform {
    /// Never
    #[default]
    Never,
    /// When something did not pass
    OnFailure,
    /// Always
    Always,
}

/// Which reports, besides the terminal's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub struct Outputs {
    /// Write the JSON report here
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the JUnit report here
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the HTML report here: one file, which needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the conformance report here
    #[arg(long, value_name = "FILE")]
    pub conformance: Option<PathBuf>,
    /// Sign the conformance report with this private key, and write the signature beside it as FILE.sig; a key that cosign encrypted takes its password from COSIGN_PASSWORD
    #[arg(long, value_name = "KEY", requires = "conformance")]
    pub sign_key: Option<PathBuf>,
    /// Print failures as the build service shows them beside the code [default: what the environment says]
    #[arg(long, value_enum, value_name = "SERVICE")]
    pub annotations: Option<Annotations>,
    /// Append a summary in Markdown here [default: what GITHUB_STEP_SUMMARY says, with annotations for GitHub]
    #[arg(long, value_name = "FILE")]
    pub step_summary: Option<PathBuf>,
}

/// A build service, for annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Annotations {
    /// GitHub Actions
    Github,
    /// Azure Pipelines
    Azure,
    /// None
    None,
}

/// `plumbline up`.
#[derive(Clone, Debug, Default, Args)]
pub struct Up {
    /// On what.
    #[command(flatten)]
    pub clusters: Clusters,
    /// Where the program that stays up tells how far it is; it is started by `up` itself
    #[arg(long, hide = true, value_name = "PIPE")]
    pub tell: Option<PathBuf>,
}

/// `plumbline tools`.
#[derive(Clone, Debug, Args)]
pub struct Tools {
    /// Fetch these programs (all when none is named) instead of listing them
    #[arg(long)]
    pub fetch: bool,
    /// Fetch, and put a link to each program into this folder, for use by hand
    #[arg(long, value_name = "DIR")]
    pub link: Option<PathBuf>,
    /// The programs
    #[arg(value_name = "PROGRAM")]
    pub programs: Vec<String>,
}

/// `plumbline node-image`.
#[derive(Clone, Debug, Subcommand)]
pub enum NodeImage {
    /// Build the image of Debian packages and Go programs, and a registry's, unless the engine has just these
    ///
    /// It needs a Docker engine, debootstrap and root. The programs are those of clusters/toolchain.toml, everything else is
    /// in clusters/node/.
    Build(BuildNodeImage),
}

/// `plumbline node-image build`.
#[derive(Clone, Debug, Args)]
pub struct BuildNodeImage {
    /// For which Kubernetes.
    #[command(flatten)]
    pub kubernetes: Kubernetes,
    /// Build even if the engine has the images: with the packages that Debian has now
    #[arg(long)]
    pub again: bool,
    /// Where Debian's release is
    #[arg(long, value_name = "URL", default_value = Mirrors::DEBIAN)]
    pub mirror: String,
    /// Where Debian's security updates are
    #[arg(long, value_name = "URL", default_value = Mirrors::SECURITY)]
    pub security_mirror: String,
}

/// `plumbline doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// For which Kubernetes.
    #[command(flatten)]
    pub kubernetes: Kubernetes,
    /// Print a JSON list, for programs
    #[arg(long)]
    pub json: bool,
}

/// `plumbline gc`.
#[derive(Clone, Debug, Default, Args)]
pub struct Gc {
    /// Also the namespaces that this machine's runs with --allow-writes left on the cluster of this context
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// With --context: the kubeconfig [default: what KUBECONFIG names, else ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "context")]
    pub kubeconfig: Option<PathBuf>,
    /// With --context: only the namespaces of this run, as their label `plumbline.test/run` has it, and whether or not it is over
    #[arg(long, value_name = "RUN", requires = "context")]
    pub run: Option<String>,
}

/// `plumbline report`.
#[derive(Clone, Debug, Args)]
pub struct Report {
    /// The event log of the run; of several, those of the shards of one run
    #[arg(value_name = "LOG", default_value = "run.ndjson")]
    pub logs: Vec<PathBuf>,
    /// Which reports.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// `plumbline table`.
#[derive(Clone, Debug, Args)]
pub struct Table {
    /// The event logs of whole runs, one of each environment: the columns, in this order
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Write the table here instead of printing it
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `plumbline schema`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Schema {
    /// Of which format
    #[arg(value_enum, default_value_t)]
    pub format: Format,
}

/// A format with a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Scenario files
    #[default]
    Scenario,
    /// The JSON report
    Report,
    /// The conformance report
    Conformance,
}

/// `plumbline verify-report`.
#[derive(Clone, Debug, Args)]
pub struct VerifyReport {
    /// The conformance report
    #[arg(value_name = "FILE")]
    pub report: PathBuf,
    /// The event log of its run: the report is made again from it, so its tests are verified too
    #[arg(long, value_name = "LOG")]
    pub log: Option<PathBuf>,
    /// The public key that it must be signed with
    #[arg(long, value_name = "PUBLIC KEY")]
    pub key: Option<PathBuf>,
    /// The signature [default: FILE.sig]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub signature: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn as_many_scenarios_run_side_by_side_as_the_machine_carries() {
        let order = Order::default();
        assert_eq!(order.parallel(On::Embedded, 2), 8);
        assert_eq!(order.parallel(On::Kind, 2), 6);
        assert_eq!(order.parallel(On::Embedded, 1), 4);
        assert_eq!(order.parallel(On::Embedded, 100_000), 16);
        let asked = Order {
            parallel: Some(32),
            ..order
        };
        assert_eq!(asked.parallel(On::Kind, 1), 32);
    }
}

//! The step: one of the verbs.

use super::{
    Annotate, Apply, Branch, Build, Commit, Compare, Delete, Exec, Expect, Fault, Http, Install, Instance,
    ListImages, Merge, Mirror, Offboard, Onboard, Patch, Pipeline, Read, Reconcile, Resume, Revert, Scale,
    Scan, Sign, Snapshot, Suspend, Tag, Upgrade, Verify, shorthand::object_or_fields,
};
use crate::{Located, Span, Timespan, schema::ObjectOr};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// One step of a scenario. In the file it is a mapping with one key, the verb.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Brings a system on board.
    Onboard(Onboard),
    /// Takes a system off board.
    Offboard(Offboard),
    /// Commits a change to a repository.
    Commit(Commit),
    /// Reverts the last commit of a branch.
    Revert(Revert),
    /// Makes a branch.
    Branch(Branch),
    /// Merges a branch into another.
    Merge(Merge),
    /// Tags the head of a branch.
    Tag(Tag),
    /// Asks for a reconciliation and waits for its end.
    #[serde(deserialize_with = "object_or_fields")]
    #[schemars(with = "ObjectOr<Reconcile>")]
    Reconcile(Reconcile),
    /// Suspends reconciliation of an object.
    #[serde(deserialize_with = "object_or_fields")]
    #[schemars(with = "ObjectOr<Suspend>")]
    Suspend(Suspend),
    /// Resumes reconciliation of an object.
    #[serde(deserialize_with = "object_or_fields")]
    #[schemars(with = "ObjectOr<Resume>")]
    Resume(Resume),
    /// Applies a manifest by hand.
    Apply(Apply),
    /// Deletes an object by hand.
    #[serde(deserialize_with = "object_or_fields")]
    #[schemars(with = "ObjectOr<Delete>")]
    Delete(Delete),
    /// Patches an object by hand.
    Patch(Patch),
    /// Scales a workload by hand.
    Scale(Scale),
    /// Sets or removes annotations by hand.
    Annotate(Annotate),
    /// Remembers objects as they are.
    Snapshot(Snapshot),
    /// Compares objects with what a snapshot remembers.
    Compare(Compare),
    /// Installs a chart by Helm.
    Install(Install),
    /// Applies the FluxInstance of an environment.
    Instance(Instance),
    /// Upgrades Flux.
    Upgrade(Upgrade),
    /// Builds an image or a chart and publishes it.
    Build(Build),
    /// Lists the images of a version of Flux.
    ListImages(ListImages),
    /// Runs a pipeline of a repository.
    Pipeline(Pipeline),
    /// Mirrors images into the private registry.
    Mirror(Mirror),
    /// Scans images for known vulnerabilities.
    Scan(Scan),
    /// Signs images in the private registry.
    Sign(Sign),
    /// Verifies signatures in the private registry.
    Verify(Verify),
    /// Runs one of the platform's programs.
    Exec(Exec),
    /// Sends a request and looks at the answer.
    Http(Http),
    /// Breaks a part of the platform on purpose.
    Fault(Fault),
    /// Reads a field of an object.
    Read(Read),
    /// States what must become true.
    Expect(Expect),
}

/// What a step leaves for later ones: `${outputs.<name>.<field>}`.
#[derive(Clone, Copy, Debug)]
pub struct Output<'step> {
    /// The name that the author gave it.
    pub name: &'step Located<String>,
    /// The fields that it has.
    pub fields: &'static [&'static str],
}

impl Step {
    /// The verb as it is written.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Onboard(_) => "onboard",
            Self::Offboard(_) => "offboard",
            Self::Commit(_) => "commit",
            Self::Revert(_) => "revert",
            Self::Branch(_) => "branch",
            Self::Merge(_) => "merge",
            Self::Tag(_) => "tag",
            Self::Reconcile(_) => "reconcile",
            Self::Suspend(_) => "suspend",
            Self::Resume(_) => "resume",
            Self::Apply(_) => "apply",
            Self::Delete(_) => "delete",
            Self::Patch(_) => "patch",
            Self::Scale(_) => "scale",
            Self::Annotate(_) => "annotate",
            Self::Snapshot(_) => "snapshot",
            Self::Compare(_) => "compare",
            Self::Install(_) => "install",
            Self::Instance(_) => "instance",
            Self::Upgrade(_) => "upgrade",
            Self::Build(_) => "build",
            Self::ListImages(_) => "list-images",
            Self::Pipeline(_) => "pipeline",
            Self::Mirror(_) => "mirror",
            Self::Scan(_) => "scan",
            Self::Sign(_) => "sign",
            Self::Verify(_) => "verify",
            Self::Exec(_) => "exec",
            Self::Http(_) => "http",
            Self::Fault(_) => "fault",
            Self::Read(_) => "read",
            Self::Expect(_) => "expect",
        }
    }

    /// The step in one line of words.
    #[must_use]
    pub fn summary(&self) -> String {
        let text = self.to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether the step can fail because the platform is not as it should be.
    #[must_use]
    pub const fn is_expectation(&self) -> bool {
        match self {
            Self::Expect(_) | Self::Compare(_) | Self::Verify(_) | Self::Scan(_) => true,
            Self::Exec(exec) => exec.expect.is_some(),
            Self::Pipeline(pipeline) => pipeline.expect.is_some(),
            Self::Http(http) => http.expect.is_some(),
            Self::Apply(apply) => apply.denied.is_some(),
            Self::Patch(patch) => patch.denied.is_some(),
            Self::Delete(delete) => delete.denied.is_some(),
            Self::Scale(scale) => scale.denied.is_some(),
            Self::Annotate(annotate) => annotate.denied.is_some(),
            Self::Sign(sign) => sign.denied.is_some(),
            _ => false,
        }
    }

    /// What it leaves for later steps, if its author named it.
    #[must_use]
    pub fn output(&self) -> Option<Output<'_>> {
        let (name, fields) = match self {
            Self::Commit(commit) => (&commit.output, Commit::OUTPUT),
            Self::Revert(revert) => (&revert.output, Commit::OUTPUT),
            Self::Branch(branch) => (&branch.output, Commit::OUTPUT),
            Self::Merge(merge) => (&merge.output, Commit::OUTPUT),
            Self::Tag(tag) => (&tag.output, Commit::OUTPUT),
            Self::Reconcile(reconcile) => (&reconcile.output, Reconcile::OUTPUT),
            Self::Upgrade(upgrade) => (&upgrade.output, Upgrade::OUTPUT),
            Self::Build(build) => (&build.output, Build::OUTPUT),
            Self::Http(http) => (&http.output, Http::OUTPUT),
            Self::Install(install) => (&install.output, Install::OUTPUT),
            Self::Instance(instance) => (&instance.output, Instance::OUTPUT),
            Self::Mirror(mirror) => (&mirror.output, Mirror::OUTPUT),
            Self::Scan(scan) => (&scan.output, Scan::OUTPUT),
            Self::Exec(exec) => (&exec.output, Exec::OUTPUT),
            Self::Pipeline(pipeline) => (&pipeline.output, Pipeline::OUTPUT),
            Self::ListImages(list) => {
                return Some(Output {
                    name: &list.output,
                    fields: ListImages::OUTPUT,
                });
            }
            Self::Read(read) => {
                return Some(Output {
                    name: &read.output,
                    fields: Read::OUTPUT,
                });
            }
            _ => return None,
        };
        name.as_ref().map(|name| Output { name, fields })
    }

    /// The longest that the step may wait; `None` for steps that do not wait.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let (written, otherwise) = match self {
            Self::Onboard(onboard) => (&onboard.within, Onboard::WITHIN),
            Self::Offboard(offboard) => (&offboard.within, Offboard::WITHIN),
            Self::Reconcile(reconcile) => (&reconcile.within, Reconcile::WITHIN),
            Self::Delete(delete) if delete.wait => (&delete.within, Delete::WITHIN),
            Self::Compare(compare) => (&compare.within, Duration::ZERO),
            Self::Install(install) => (&install.within, Install::WITHIN),
            Self::Instance(instance) => (&instance.within, Instance::WITHIN),
            Self::Upgrade(upgrade) => (&upgrade.within, Upgrade::WITHIN),
            Self::Scan(scan) => (&scan.within, Scan::WITHIN),
            Self::Exec(exec) => (&exec.within, Exec::WITHIN),
            Self::Pipeline(pipeline) => (&pipeline.within, Pipeline::WITHIN),
            Self::Http(http) => (&http.within, Http::WITHIN),
            Self::Read(read) => (&read.within, Read::WITHIN),
            Self::Expect(expect) => {
                let holds = expect.holds.as_ref().map_or(Duration::ZERO, |holds| holds.0);
                return Some(expect.deadline().saturating_add(holds));
            }
            _ => return None,
        };
        Some(written.as_ref().map_or(otherwise, |written| written.0))
    }

    /// Every length of time that the author wrote, with the field's name.
    pub(crate) fn written_times(&self) -> Vec<(&'static str, &Located<Timespan>)> {
        let within = match self {
            Self::Onboard(onboard) => &onboard.within,
            Self::Offboard(offboard) => &offboard.within,
            Self::Reconcile(reconcile) => &reconcile.within,
            Self::Delete(delete) => &delete.within,
            Self::Compare(compare) => &compare.within,
            Self::Install(install) => &install.within,
            Self::Instance(instance) => &instance.within,
            Self::Upgrade(upgrade) => &upgrade.within,
            Self::Scan(scan) => &scan.within,
            Self::Exec(exec) => &exec.within,
            Self::Pipeline(pipeline) => &pipeline.within,
            Self::Http(http) => &http.within,
            Self::Read(read) => &read.within,
            Self::Expect(expect) => &expect.within,
            _ => &None,
        };
        let holds = match self {
            Self::Expect(expect) => expect.holds.as_ref(),
            _ => None,
        };
        within
            .iter()
            .map(|time| ("within", time))
            .chain(holds.map(|time| ("holds", time)))
            .collect()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Onboard(step) => step.fmt(formatter),
            Self::Offboard(step) => step.fmt(formatter),
            Self::Commit(step) => step.fmt(formatter),
            Self::Revert(step) => step.fmt(formatter),
            Self::Branch(step) => step.fmt(formatter),
            Self::Merge(step) => step.fmt(formatter),
            Self::Tag(step) => step.fmt(formatter),
            Self::Reconcile(step) => step.fmt(formatter),
            Self::Suspend(step) => step.fmt(formatter),
            Self::Resume(step) => step.fmt(formatter),
            Self::Apply(step) => step.fmt(formatter),
            Self::Delete(step) => step.fmt(formatter),
            Self::Patch(step) => step.fmt(formatter),
            Self::Scale(step) => step.fmt(formatter),
            Self::Annotate(step) => step.fmt(formatter),
            Self::Snapshot(step) => step.fmt(formatter),
            Self::Compare(step) => step.fmt(formatter),
            Self::Install(step) => step.fmt(formatter),
            Self::Instance(step) => step.fmt(formatter),
            Self::Upgrade(step) => step.fmt(formatter),
            Self::Build(step) => step.fmt(formatter),
            Self::ListImages(step) => step.fmt(formatter),
            Self::Pipeline(step) => step.fmt(formatter),
            Self::Mirror(step) => step.fmt(formatter),
            Self::Scan(step) => step.fmt(formatter),
            Self::Sign(step) => step.fmt(formatter),
            Self::Verify(step) => step.fmt(formatter),
            Self::Exec(step) => step.fmt(formatter),
            Self::Http(step) => step.fmt(formatter),
            Self::Fault(step) => step.fmt(formatter),
            Self::Read(step) => step.fmt(formatter),
            Self::Expect(step) => step.fmt(formatter),
        }
    }
}

/// The environment that steps mean unless they say otherwise.
const ENVIRONMENT: &str = "dev";

pub(super) fn default_environment() -> Located<String> {
    Located {
        value: ENVIRONMENT.to_owned(),
        span: Span::default(),
    }
}

/// The branch of [`ENVIRONMENT`].
pub(super) fn default_branch() -> String {
    ENVIRONMENT.to_owned()
}

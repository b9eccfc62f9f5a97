//! Rules for the steps of one scenario, in their order: a name must be made before it is used.

use super::{
    Findings, artifact, cluster, expectation, expression, git, known, manifest, request, scan,
    system::{self, OnBoard},
    template as strings, text, vacuity,
};
use crate::{
    Located, Scenario, ScenarioStep, Step, TextCondition, Timespan, Vocabulary,
    name::{IDENTIFIER, is_identifier},
    steps::{BuiltArtifact, Exec, Pipeline, PipelineResult, Read, ReadSubject, Snapshot, pointer},
    suggestion, template,
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What the steps so far have made.
#[derive(Default)]
pub(super) struct Made<'scenario> {
    /// Outputs and their fields.
    pub(super) outputs: BTreeMap<&'scenario str, &'static [&'static str]>,
    snapshots: BTreeSet<&'scenario str>,
    /// Repositories of systems that were brought on board, also of those that have left since.
    pub(super) repositories: BTreeSet<String>,
    /// Systems on board.
    pub(super) on_board: BTreeSet<OnBoard<'scenario>>,
    /// What CEL may read of the matrix, the variables and the parameters.
    pub(super) constants: Arc<Map<String, Value>>,
    /// Whether a step could not be read, so that names may be missing here.
    pub(super) incomplete: bool,
}

pub(super) fn check(scenario: &Scenario, broken: bool, vocabulary: &Vocabulary, findings: &mut Findings<'_>) {
    let nothing = || Made {
        incomplete: broken,
        ..Made::default()
    };
    vacuity::check(&scenario.steps, findings);
    check_each(scenario.given(), scenario, vocabulary, nothing(), findings);
    // What `given` makes is not there on an existing cluster.
    let others = scenario.steps.iter().chain(&scenario.finally);
    check_each(others, scenario, vocabulary, nothing(), findings);
}

/// Steps in their order, behind what is `made` already.
fn check_each<'scenario>(
    steps: impl IntoIterator<Item = &'scenario ScenarioStep>,
    scenario: &'scenario Scenario,
    vocabulary: &Vocabulary,
    mut made: Made<'scenario>,
    findings: &mut Findings<'_>,
) {
    for step in steps {
        let mut findings = findings.at(step);
        made.constants = Arc::clone(&step.constants);
        strings::check(step, scenario, &made, &mut findings);
        check_times(scenario, step, &mut findings);
        cluster::check_step(step, scenario, &mut findings);
        let mut checks = StepRules {
            scenario,
            vocabulary,
            made: &mut made,
            findings,
        };
        checks.check(step);
        let mut findings = checks.findings;
        if let Some(output) = step.step.output() {
            check_output_name(output.name, &mut findings);
            if made.outputs.insert(output.name.as_str(), output.fields).is_some() {
                findings.note(
                    output.name.span,
                    format!("the output `{}` is here twice", output.name),
                    "give each output a name of its own",
                );
            }
        }
    }
}

/// The rules for one step.
struct StepRules<'scenario, 'made, 'findings> {
    scenario: &'scenario Scenario,
    vocabulary: &'made Vocabulary,
    made: &'made mut Made<'scenario>,
    findings: Findings<'findings>,
}

impl<'scenario> StepRules<'scenario, '_, '_> {
    fn check(&mut self, step: &'scenario ScenarioStep) {
        let findings = &mut self.findings;
        match &step.step {
            Step::Onboard(onboard) => {
                system::check_onboard(onboard, step, self.vocabulary, self.made, findings);
            }
            Step::Offboard(offboard) => {
                system::check_offboard(offboard, step, self.vocabulary, self.made, findings);
            }
            Step::Commit(commit) => {
                self.repository(&commit.repository);
                git::check_commit(commit, step, &mut self.findings);
            }
            Step::Revert(revert) => self.repository(&revert.repository),
            Step::Branch(branch) => {
                self.repository(&branch.repository);
                git::check_branch(branch, &mut self.findings);
            }
            Step::Merge(merge) => {
                self.repository(&merge.repository);
                git::check_merge(merge, &mut self.findings);
            }
            Step::Tag(tag) => {
                self.repository(&tag.repository);
                git::check_name("tag", &tag.name, &mut self.findings);
            }
            Step::Apply(apply) => {
                manifest::check(apply, step, findings);
                check_denial(&apply.denied, findings);
            }
            Step::Patch(patch) => check_denial(&patch.denied, findings),
            Step::Delete(delete) => check_denial(&delete.denied, findings),
            Step::Scale(scale) => check_denial(&scale.denied, findings),
            Step::Annotate(annotate) => {
                if annotate.annotations.is_empty() {
                    findings.note(step.span, "`annotate` without annotations", "name at least one");
                }
                check_denial(&annotate.denied, findings);
            }
            Step::Snapshot(snapshot) => self.snapshot(snapshot, step),
            Step::Compare(compare) => {
                if !self.made.snapshots.contains(compare.with.as_str()) && !self.made.incomplete {
                    let help = suggestion::instead(&compare.with, self.made.snapshots.iter().copied());
                    let message = format!("no snapshot `{}` was taken before", compare.with);
                    findings.note(compare.with.span, message, help);
                }
            }
            Step::Install(install) => self.environment(&install.environment),
            Step::Instance(instance) => self.environment(&instance.environment),
            Step::Upgrade(upgrade) => artifact::check_upgrade(upgrade, step, self.scenario, findings),
            Step::Build(build) => {
                if let BuiltArtifact::Chart { repository, .. } = &build.artifact {
                    self.readable_repository(repository);
                }
                artifact::check_build(build, step, &mut self.findings);
            }
            Step::Sign(sign) => {
                artifact::check_key(sign.key.as_ref(), findings);
                check_denial(&sign.denied, findings);
            }
            Step::Verify(verify) => {
                artifact::check_verify(verify, findings);
                if let Some(environment) = &verify.environment {
                    self.environment(environment);
                }
            }
            Step::ListImages(list) => {
                artifact::check_version(&list.flux, findings);
                self.environment(&list.environment);
            }
            Step::Pipeline(pipeline) => self.pipeline(pipeline),
            Step::Scan(scanned) => scan::check(scanned, step, findings),
            Step::Exec(exec) => self.exec(exec),
            Step::Read(read) => check_field(read, findings),
            Step::Http(http) => request::check(http, step, self.made, findings),
            Step::Fault(fault) => {
                cluster::check_fault(fault, step, self.scenario, self.vocabulary, findings);
            }
            Step::Expect(expect) => {
                expectation::check(expect, step, self.vocabulary, self.made, findings);
            }
            Step::Reconcile(_) | Step::Suspend(_) | Step::Resume(_) | Step::Mirror(_) => {}
        }
    }

    fn environment(&mut self, environment: &Located<String>) {
        known::check(
            "environment",
            environment,
            &self.vocabulary.environments,
            &mut self.findings,
        );
    }

    /// A repository that a step changes.
    fn repository(&mut self, repository: &Located<String>) {
        let is_shared = self.vocabulary.repositories.contains(&repository.value);
        let may_change = self.scenario.is_alone() || self.scenario.provides.is_some();
        if is_shared && !may_change && !self.made.repositories.contains(&repository.value) {
            let help = "all systems share it: give the scenario `exclusive: true`";
            let message = format!("a change of `{repository}` would disturb other scenarios");
            self.findings.note(repository.span, message, help);
        }
        self.readable_repository(repository);
    }

    /// A repository that there is.
    fn readable_repository(&mut self, repository: &Located<String>) {
        let own = self.made.repositories.iter().chain(&self.vocabulary.repositories);
        let names: Vec<&str> = own.map(String::as_str).collect();
        let is_open = self.made.incomplete || template::has_placeholder(repository);
        if is_open || names.contains(&repository.as_str()) {
            return;
        }
        let help = match suggestion::nearest(repository, names) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "a system's repository is `k8s-<name>`, and the scenario has to bring it on board first"
                .to_owned(),
        };
        let message = format!("this scenario has no repository `{repository}`");
        self.findings.note(repository.span, message, help);
    }

    fn snapshot(&mut self, snapshot: &'scenario Snapshot, step: &ScenarioStep) {
        let findings = &mut self.findings;
        if snapshot.objects.is_empty() {
            findings.note(step.span, "a snapshot of nothing", "name at least one object");
        }
        if !self.made.snapshots.insert(snapshot.name.as_str()) {
            let message = format!("the snapshot `{}` is here twice", snapshot.name);
            findings.note(
                snapshot.name.span,
                message,
                "give each snapshot a name of its own",
            );
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.readable_repository(&pipeline.repository);
        let findings = &mut self.findings;
        if !git::is_inside(&pipeline.run) {
            let message = format!("`{}` is not a file of the repository", pipeline.run);
            let help = "write it relative to the repository, without `..`: `azure-pipelines.yaml`";
            findings.note(pipeline.run.span, message, help);
        }
        let expect = pipeline.expect.iter();
        for condition in expect.flat_map(|expect| expect.step.iter().chain(&expect.log)) {
            text::check(condition, findings);
        }
        if let Some(expect) = &pipeline.expect
            && let Some(step) = &expect.step
            && expect.result != PipelineResult::Failed
        {
            let message = "a step can only be named that fails";
            findings.note(step.span, message, "add `result: failed`");
        }
    }

    fn exec(&mut self, exec: &Exec) {
        let findings = &mut self.findings;
        known::check("program", &exec.program, &self.vocabulary.programs, findings);
        let expect = exec.expect.iter();
        for condition in expect.flat_map(|expect| expect.stdout.iter().chain(&expect.stderr)) {
            text::check(condition, findings);
        }
        if let Some(predicate) = exec.expect.as_ref().and_then(|expect| expect.that.as_ref()) {
            let place = expression::Place {
                environment: &expression::finished(self.made),
                changing: &["exit", "stdout", "stderr", expression::OUTPUTS],
                wanted: true,
            };
            expression::check(predicate, &place, self.made, findings);
        }
    }
}

fn check_field(read: &Read, findings: &mut Findings<'_>) {
    let ReadSubject::Field { field, .. } = &read.subject else {
        return;
    };
    if pointer(field).split('/').skip(1).any(str::is_empty) {
        let message = format!("`{field}` is not a field of an object");
        findings.note(
            field.span,
            message,
            "write names with dots between them: `status.webhookPath`",
        );
    }
}

fn check_denial(denied: &Option<Located<TextCondition>>, findings: &mut Findings<'_>) {
    if let Some(condition) = denied {
        text::check(condition, findings);
    }
}

fn check_times(scenario: &Scenario, step: &ScenarioStep, findings: &mut Findings<'_>) {
    for (field, time) in step.step.written_times() {
        if time.0 > scenario.timeout {
            let timeout = Timespan(scenario.timeout);
            let help = format!(
                "shorten it, or give the scenario `timeout: {}` or more",
                time.value
            );
            findings.note(
                time.span,
                format!("`{field}: {time}` is longer than the whole scenario may take, {timeout}"),
                help,
            );
        }
    }
}

fn check_output_name(name: &Located<String>, findings: &mut Findings<'_>) {
    if !is_identifier(name) {
        let help = format!("{IDENTIFIER}: CEL reads it as `outputs.<name>`");
        findings.note(
            name.span,
            format!("`{name}` cannot be the name of an output"),
            help,
        );
    }
}

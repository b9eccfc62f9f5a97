//! Running a pipeline of the platform, as an agent of Azure Pipelines does: a fresh checkout, a home of its own, the
//! checked tools and nothing else on PATH, and the variables that the pipeline names.
//!
//! The pipeline's YAML is what runs. The agent understands as much of it as the platform's pipelines use; the rest is an
//! error. Beside the checkout it lays what Git does not hold because it is made for the run: the public key, the digests of
//! the tools, and the definitions of the operator's chart.

mod agent;
mod checkout;
mod credentials;
mod definition;
mod expression;
mod parameters;
mod run;
mod scripts;
mod template;
mod variables;

pub use run::{PipelineRequest, PipelineResult, PipelineRun, PipelineStep};

pub(crate) use scripts::scripts;

use definition::DefinitionError;

/// The programs that a pipeline may install, by the names that the toolchain has for them, and the names that they go by.
pub const PIPELINE_TOOLS: [(&str, &str); 6] = [
    ("crane", "crane"),
    ("cosign", "cosign"),
    ("flux-operator-cli", "flux-operator"),
    ("helm", "helm"),
    ("kubectl", "kubectl"),
    ("trivy", "trivy"),
];

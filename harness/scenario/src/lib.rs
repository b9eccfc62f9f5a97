//! Scenario files: YAML → spanned document → typed and checked scenarios → plan.
//!
//! Everything here is static: no cluster, no network, no clock, no async. [`load`] reads files and answers with a [`Suite`] or with
//! every error of every file, sorted, each at its line and column. [`Suite::plan`] chooses and orders. A step keeps the place where it was
//! written, so that what fails at run time points into the author's file just as a syntax error does.

mod applied_file;
mod beneath;
mod cel_value;
mod comprehension;
mod constants;
mod decode;
mod diagnostic;
mod document;
mod expansion;
mod facts;
mod files;
mod findings;
mod flaw;
mod folder;
mod group;
mod header;
mod json_node;
mod load;
mod matrix;
mod name;
mod needs;
mod object;
mod parsed;
mod places;
mod plan;
mod position;
mod predicate;
mod reader;
mod reads;
mod rules;
mod scenario;
mod scenario_reader;
mod scenario_step;
mod schema;
mod selection;
mod source;
mod span;
pub mod steps;
mod suggestion;
mod suite;
mod syntax;
mod template;
mod text_condition;
mod timespan;
mod truth;
mod types;
mod unused;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use facts::{Facts, KubernetesFacts, VersionFacts};
pub use files::scenario_files;
pub use flaw::Flaw;
pub use folder::{FileError, Folder};
pub use load::{Vocabulary, load};
pub use object::{ObjectError, ObjectKind, ObjectReference, ObjectSelector, ObjectSet};
pub use plan::{Plan, PlannedScenario, Reason};
pub use predicate::Predicate;
pub use scenario::{Capability, Exclusive, ExtraCluster, Scenario, SecretSource, Skip, Stage, Writes};
pub use scenario_step::ScenarioStep;
pub use schema::schema;
pub use selection::{Parts, PlanError, Selection};
pub use source::Source;
pub use span::{Located, Span};
pub use steps::Step;
pub use suite::Suite;
pub use syntax::SyntaxError;
pub use template::{ResolveError, Variables};
pub use text_condition::TextCondition;
pub use timespan::{Timespan, TimespanError};
pub use types::{Environment, Record, Type};

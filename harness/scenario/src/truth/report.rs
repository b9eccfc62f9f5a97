//! Which of the parts that cannot change are told of, and how.

use super::judge::{Judge, Verdict};
use crate::{comprehension::Macro, flaw::Flaw, places::Places, types::Checked};
use kube_cel::cel::{
    Value,
    common::ast::{EntryExpr, Expr, IdedExpr, operators},
};
use std::sync::Arc;

/// The list that a subject of many objects gives.
const OBJECTS: &str = "objects";

/// The parts whose truth never changes, and conditions for all objects that hold because there is none.
pub(crate) fn vacuities(expression: &IdedExpr, text: &str, checked: &Checked, wanted: bool) -> Vec<Flaw> {
    let mut reporter = Reporter {
        judge: Judge {
            checked,
            known: Vec::new(),
        },
        whole: expression,
        wanted,
        places: Places::new(text),
        flaws: Vec::new(),
    };
    reporter.condition(expression);
    if wanted {
        reporter.unbounded();
    }
    reporter.flaws.sort_by_key(|flaw| flaw.offset);
    reporter.flaws
}

struct Reporter<'report> {
    judge: Judge<'report>,
    whole: &'report IdedExpr,
    /// What the expectation wants the whole to be.
    wanted: bool,
    places: Places<'report>,
    flaws: Vec<Flaw>,
}

impl<'report> Reporter<'report> {
    /// A part that is true or false: tells of the smallest parts that never change.
    fn condition(&mut self, part: &'report IdedExpr) {
        let before = self.flaws.len();
        match &part.expr {
            Expr::Call(call) => match (call.func_name.as_str(), &call.args[..]) {
                (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                    self.condition(left);
                    self.condition(right);
                }
                (operators::LOGICAL_NOT, [operand]) => self.condition(operand),
                (operators::CONDITIONAL, [condition, then, otherwise]) => {
                    self.condition(condition);
                    self.branch(then);
                    self.branch(otherwise);
                }
                _ => self.inner(part),
            },
            _ => self.inner(part),
        }
        if self.flaws.len() == before
            && let Some(verdict) = self.judge.judge(part)
        {
            self.tell(part, verdict);
        }
    }

    /// A part that may well be a literal: `exists(o, true)` asks whether there is any.
    fn branch(&mut self, part: &'report IdedExpr) {
        if !matches!(part.expr, Expr::Literal(_)) {
            self.condition(part);
        }
    }

    /// The conditions inside a part that is none itself, or that has parts of its own.
    fn inner(&mut self, part: &'report IdedExpr) {
        match &part.expr {
            Expr::Comprehension(comprehension) => {
                self.inner(&comprehension.iter_range);
                match Macro::of(comprehension) {
                    Some(Macro::All(body) | Macro::Exists(body) | Macro::ExistsOne(body)) => {
                        self.branch(body)
                    }
                    Some(Macro::Map { condition, element }) => {
                        condition.into_iter().for_each(|condition| self.branch(condition));
                        self.inner(element);
                    }
                    None => {}
                }
            }
            Expr::Call(call) => call
                .target
                .iter()
                .map(AsRef::as_ref)
                .chain(&call.args)
                .for_each(|inner| self.inner(inner)),
            Expr::Select(select) => self.inner(&select.operand),
            Expr::List(list) => list.elements.iter().for_each(|element| self.inner(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.inner(&entry.value);
                    }
                }
            }
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => {}
        }
    }

    fn tell(&mut self, part: &IdedExpr, Verdict { truth, reason }: Verdict) {
        let subject = match (std::ptr::eq(part, self.whole), truth == self.wanted) {
            (true, true) => "a condition that can never fail".to_owned(),
            (true, false) => "a condition that can never be met".to_owned(),
            (false, _) => {
                let always = if truth { "always" } else { "never" };
                format!("`{}` is {always} true", self.places.words(part))
            }
        };
        let message = format!("{subject}: {}", reason.words());
        let help = Some(reason.help().to_owned());
        self.flaws.push(Flaw::new(&self.places, part, message, help));
    }

    /// `objects.all(…)` is true of no objects at all: another part has to say how many there are.
    fn unbounded(&mut self) {
        let mut conjuncts = Vec::new();
        flatten(self.whole, &mut conjuncts);
        let none = Value::List(Arc::new(Vec::new()));
        let judge = Judge {
            checked: self.judge.checked,
            known: vec![(OBJECTS, none)],
        };
        let (all, others): (Vec<&IdedExpr>, Vec<&IdedExpr>) =
            conjuncts.into_iter().partition(|part| is_all_of_objects(part));
        // Another part that is about the objects, and that no objects do not make true, is a bound.
        let is_bound = |part: &&IdedExpr| match judge.judge(part) {
            Some(verdict) => !verdict.truth,
            None => reads_objects(part),
        };
        if others.iter().any(is_bound) {
            return;
        }
        if let Some(part) = all.first() {
            let message = "this holds even if there are no objects at all".to_owned();
            let help = "say how many there are: add `objects.size() > 0 &&`, or the exact number".to_owned();
            self.flaws
                .push(Flaw::new(&self.places, part, message, Some(help)));
        }
    }
}

fn flatten<'expression>(part: &'expression IdedExpr, conjuncts: &mut Vec<&'expression IdedExpr>) {
    match &part.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            call.args.iter().for_each(|inner| flatten(inner, conjuncts));
        }
        _ => conjuncts.push(part),
    }
}

/// `objects.all(…)`, also behind `filter` or `map`.
fn is_all_of_objects(part: &IdedExpr) -> bool {
    let Expr::Comprehension(comprehension) = &part.expr else {
        return false;
    };
    matches!(Macro::of(comprehension), Some(Macro::All(_))) && reads_objects(&comprehension.iter_range)
}

fn reads_objects(part: &IdedExpr) -> bool {
    let mut reads = crate::reads::Reads::default();
    reads.visit(part);
    reads.variables.contains(OBJECTS)
}

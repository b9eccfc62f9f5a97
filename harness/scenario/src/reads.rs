//! What a CEL expression reads from outside.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use std::collections::BTreeSet;

/// Collects what an expression reads from outside.
#[derive(Default)]
pub(crate) struct Reads {
    /// What the macros around the expression bind.
    bound: Vec<String>,
    /// Variables.
    pub(crate) variables: BTreeSet<String>,
    /// `outputs.<name>.<field>`; the field is missing where only the name is read.
    pub(crate) outputs: BTreeSet<(String, Option<String>)>,
}

impl Reads {
    /// Adds what `expression` reads.
    pub(crate) fn visit(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                if !name.starts_with('@') && !self.bound.contains(name) {
                    self.variables.insert(name.clone());
                }
            }
            Expr::Select(select) => {
                self.note_output(expression);
                self.visit(&select.operand);
            }
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.visit(target));
                call.args.iter().for_each(|argument| self.visit(argument));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.visit_entry(&entry.expr)),
            Expr::Struct(structure) => structure
                .entries
                .iter()
                .for_each(|entry| self.visit_entry(&entry.expr)),
            Expr::Comprehension(comprehension) => {
                self.visit(&comprehension.iter_range);
                self.visit(&comprehension.accu_init);
                let outer = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.push(comprehension.accu_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.visit(&comprehension.loop_cond);
                self.visit(&comprehension.loop_step);
                self.visit(&comprehension.result);
                self.bound.truncate(outer);
            }
        }
    }

    fn visit_entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }
        }
    }

    /// Notes `outputs.name` and `outputs.name.field`.
    fn note_output(&mut self, expression: &IdedExpr) {
        let Expr::Select(outer) = &expression.expr else {
            return;
        };
        match &outer.operand.expr {
            Expr::Ident(root) if root == "outputs" => {
                self.outputs.insert((outer.field.clone(), None));
            }
            Expr::Select(inner) if matches!(&inner.operand.expr, Expr::Ident(root) if root == "outputs") => {
                self.outputs
                    .insert((inner.field.clone(), Some(outer.field.clone())));
            }
            _ => {}
        }
    }
}

//! Parts of an expression that have one value, whatever its variables are.

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, Value,
        common::ast::{Expr, IdedExpr, operators},
    },
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Functions whose result is never much larger than what they are given, and takes no longer to find.
const HARMLESS: [&str; 18] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "timestamp",
    "duration",
    "quantity",
    "semver",
    "isGreaterThan",
    "isLessThan",
    "compareTo",
    "lowerAscii",
    "upperAscii",
];

/// The value of a part that reads no variable, or only those of `known`.
pub(super) fn fold(part: &IdedExpr, known: &[(&str, Value)]) -> Option<Value> {
    if !is_foldable(part, known) {
        return None;
    }
    if let Expr::Literal(_) = part.expr {
        return Value::resolve(part, &Context::empty()).ok();
    }
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut context = Context::default().with_all();
        for (name, value) in known {
            context.add_variable_from_value(*name, value.clone());
        }
        Value::resolve(part, &context)
    }));
    result.ok()?.ok()
}

fn is_foldable(part: &IdedExpr, known: &[(&str, Value)]) -> bool {
    match &part.expr {
        Expr::Literal(_) => true,
        Expr::Ident(name) => known.iter().any(|(known, _)| known == name),
        Expr::Call(call) => {
            let is_harmless = call.func_name.contains('_')
                || call.func_name == operators::IN
                || HARMLESS.contains(&call.func_name.as_str());
            is_harmless
                && call
                    .target
                    .iter()
                    .map(AsRef::as_ref)
                    .chain(&call.args)
                    .all(|inner| is_foldable(inner, known))
        }
        Expr::List(list) => list.elements.iter().all(|element| is_foldable(element, known)),
        _ => false,
    }
}

/// Whether two parts are written the same way, white space and brackets aside. Nothing that an expression can call gives two answers to
/// the same question.
pub(super) fn same(one: &IdedExpr, other: &IdedExpr) -> bool {
    match (&one.expr, &other.expr) {
        (Expr::Literal(one), Expr::Literal(other)) => one == other,
        (Expr::Ident(one), Expr::Ident(other)) => one == other,
        (Expr::Select(one), Expr::Select(other)) => {
            one.field == other.field && one.test == other.test && same(&one.operand, &other.operand)
        }
        (Expr::Call(one), Expr::Call(other)) => {
            one.func_name == other.func_name
                && one.target.is_some() == other.target.is_some()
                && one
                    .target
                    .iter()
                    .zip(&other.target)
                    .all(|(one, other)| same(one, other))
                && all_same(&one.args, &other.args)
        }
        (Expr::List(one), Expr::List(other)) => all_same(&one.elements, &other.elements),
        (Expr::Comprehension(one), Expr::Comprehension(other)) => {
            one.iter_var == other.iter_var
                && same(&one.iter_range, &other.iter_range)
                && same(&one.accu_init, &other.accu_init)
                && same(&one.loop_step, &other.loop_step)
                && same(&one.result, &other.result)
        }
        _ => false,
    }
}

fn all_same(one: &[IdedExpr], other: &[IdedExpr]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

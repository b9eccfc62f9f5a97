//! The check of calls: a function that is there, with arguments that go with it.

use super::{Type, check::Checker, functions, signature::Signature};
use crate::{flaw::Flaw, suggestion};
use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr};

impl<'check> Checker<'check> {
    pub(super) fn function(&mut self, part: &IdedExpr, call: &'check CallExpr) -> Type {
        // `math.ceil(x)` is a function of the library `math` and not a method of a variable.
        if let Some(Expr::Ident(library)) = call.target.as_ref().map(|target| &target.expr) {
            let name = format!("{library}.{}", call.func_name);
            if let Some(signatures) = functions::named(&name) {
                return self.called(part, &name, signatures, None, &call.args);
            }
        }
        let Some(signatures) = functions::named(&call.func_name) else {
            call.target.iter().for_each(|target| drop(self.infer(target)));
            call.args.iter().for_each(|argument| drop(self.infer(argument)));
            let help = match suggestion::nearest(&call.func_name, functions::names()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "CEL's own functions and those of Kubernetes are known".to_owned(),
            };
            let (offset, length) = self.places.of_name(part, &call.func_name);
            self.checked.flaws.push(Flaw {
                offset,
                length,
                message: format!("unknown function `{}`", call.func_name),
                help: Some(help),
            });
            return Type::Dynamic;
        };
        self.called(
            part,
            &call.func_name,
            signatures,
            call.target.as_deref(),
            &call.args,
        )
    }

    /// A call of a function that is there.
    fn called(
        &mut self,
        part: &IdedExpr,
        name: &str,
        signatures: &[Signature],
        target: Option<&'check IdedExpr>,
        arguments: &'check [IdedExpr],
    ) -> Type {
        let parts: Vec<&IdedExpr> = target.into_iter().chain(arguments).collect();
        let mut types = Vec::new();
        for argument in target.into_iter().chain(arguments) {
            types.push(self.infer(argument));
        }
        let forms = |signatures: &[&Signature]| {
            let forms: Vec<String> = signatures
                .iter()
                .map(|signature| format!("`{}`", signature.form(name)))
                .collect();
            format!("it is called as {}", forms.join(" or "))
        };
        let alike: Vec<&Signature> = signatures
            .iter()
            .filter(|signature| signature.takes(target.is_some(), types.len()))
            .collect();
        let fitting: Vec<&&Signature> = alike
            .iter()
            .filter(|signature| signature.misfit(&types).is_none())
            .collect();
        if !fitting.is_empty() {
            return Type::common(fitting.iter().map(|signature| signature.result(&types)));
        }
        let Some(nearest) = alike.iter().max_by_key(|signature| signature.misfit(&types)) else {
            let all: Vec<&Signature> = signatures.iter().collect();
            self.note(
                part,
                format!("`{name}` is not called like this"),
                Some(forms(&all)),
            );
            return Type::Dynamic;
        };
        let misfit = nearest.misfit(&types).unwrap_or_default();
        let type_ = types.get(misfit).cloned().unwrap_or(Type::Dynamic);
        let culprit = parts.get(misfit).copied().unwrap_or(part);
        let message = match alike.len() {
            1 => format!(
                "{}, and `{name}` wants {} here",
                self.words(culprit, &type_),
                nearest.parameter(misfit)
            ),
            _ => format!(
                "{}, and `{name}` does not go with it",
                self.words(culprit, &type_)
            ),
        };
        self.note(part, message, Some(forms(&alike)));
        alike
            .iter()
            .map(|signature| signature.result(&[]))
            .reduce(|one, other| Type::common([one, other]))
            .unwrap_or(Type::Dynamic)
    }
}

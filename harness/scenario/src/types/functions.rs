//! The functions that the interpreter has: CEL's own and those of Kubernetes.

use super::{
    Type,
    signature::{Answer, Signature, Style},
};
use std::{collections::BTreeMap, sync::OnceLock};

/// All ways to call the function; `None` if there is no such function.
pub(super) fn named(name: &str) -> Option<&'static [Signature]> {
    table().get(name).map(Vec::as_slice)
}

/// The names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    table().keys().copied()
}

type Table = BTreeMap<&'static str, Vec<Signature>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut library = Library::default();
        library.standard();
        library.times();
        library.optionals();
        library.texts();
        library.lists();
        library.numbers();
        library.addresses();
        library.quantities();
        library.formats();
        library.table
    })
}

const QUANTITY: Type = Type::Special("quantity");
const SEMVER: Type = Type::Special("semver");
const IP: Type = Type::Special("ip");
const CIDR: Type = Type::Special("cidr");
const URL: Type = Type::Special("url");
const FORMAT: Type = Type::Special("format");
const OPTIONAL: Type = Type::Special("optional");

#[derive(Default)]
struct Library {
    table: Table,
}

impl Library {
    fn add(&mut self, name: &'static str, signature: Signature) {
        self.table.entry(name).or_default().push(signature);
    }

    fn function<const COUNT: usize>(&mut self, name: &'static str, parameters: [Type; COUNT], result: Type) {
        self.add(
            name,
            Signature::new(Style::Function, parameters, Answer::Type(result)),
        );
    }

    fn method<const COUNT: usize>(&mut self, name: &'static str, parameters: [Type; COUNT], result: Type) {
        self.add(
            name,
            Signature::new(Style::Method, parameters, Answer::Type(result)),
        );
    }

    fn standard(&mut self) {
        use Type::{Bool, Bytes, Double, Duration, Dynamic, Int, String, Timestamp, Uint};
        for sized in [String, Bytes, any_list(), any_map()] {
            self.method("size", [sized], Int);
        }
        self.method("contains", [String, String], Bool);
        self.method("contains", [any_list(), Dynamic], Bool);
        self.method("contains", [any_map(), Dynamic], Bool);
        self.method("contains", [Bytes, Bytes], Bool);
        for name in ["startsWith", "endsWith", "matches"] {
            self.method(name, [String, String], Bool);
        }
        for from in [String, Int, Uint, Double] {
            self.method("int", [from.clone()], Int);
            self.method("uint", [from.clone()], Uint);
            self.method("double", [from.clone()], Double);
            self.method("string", [from], String);
        }
        for from in [Bytes, Timestamp, Duration, IP, CIDR] {
            self.method("string", [from], String);
        }
        self.function("bytes", [String], Bytes);
        for name in ["min", "max"] {
            self.add(name, Signature::new(Style::Method, [any_list()], Answer::Element));
            let extremum = Signature::new(Style::Function, [Dynamic, Dynamic], Answer::Type(Dynamic));
            self.add(name, extremum.repeated());
        }
    }

    fn times(&mut self) {
        self.function("duration", [Type::String], Type::Duration);
        self.function("timestamp", [Type::String], Type::Timestamp);
        for name in [
            "getFullYear",
            "getMonth",
            "getDayOfYear",
            "getDayOfMonth",
            "getDate",
            "getDayOfWeek",
        ] {
            self.method(name, [Type::Timestamp], Type::Int);
        }
        for name in ["getHours", "getMinutes", "getSeconds", "getMilliseconds"] {
            self.method(name, [Type::Timestamp], Type::Int);
            self.method(name, [Type::Duration], Type::Int);
        }
    }

    fn optionals(&mut self) {
        self.function("optional.none", [], OPTIONAL);
        self.function("optional.of", [Type::Dynamic], OPTIONAL);
        self.function("optional.ofNonZeroValue", [Type::Dynamic], OPTIONAL);
        self.method("value", [OPTIONAL], Type::Dynamic);
        self.method("hasValue", [OPTIONAL], Type::Bool);
        self.method("or", [OPTIONAL, OPTIONAL], OPTIONAL);
        self.method("orValue", [OPTIONAL, Type::Dynamic], Type::Dynamic);
    }

    fn texts(&mut self) {
        use Type::{Int, String};
        self.method("charAt", [String, Int], String);
        for name in ["lowerAscii", "upperAscii", "trim"] {
            self.method(name, [String], String);
        }
        self.method_with_optional("replace", [String, String, String, Int], 1, String);
        self.method_with_optional("split", [String, String, Int], 1, Type::list(String));
        self.method_with_optional("substring", [String, Int, Int], 1, String);
        self.method_with_optional("join", [any_list(), String], 1, String);
        self.function("strings.quote", [String], String);
        self.method("find", [String, String], String);
        self.method_with_optional("findAll", [String, String, Int], 1, Type::list(String));
        self.method("format", [String, any_list()], String);
        for name in ["indexOf", "lastIndexOf"] {
            self.method_with_optional(name, [String, String, Int], 1, Int);
            self.method(name, [any_list(), Type::Dynamic], Int);
        }
        self.add("reverse", Signature::new(Style::Method, [String], Answer::Same));
        self.add(
            "reverse",
            Signature::new(Style::Method, [any_list()], Answer::Same),
        );
        self.function("jsonpatch.escapeKey", [String], String);
        self.function("base64.encode", [Type::Bytes], String);
        self.function("base64.decode", [String], Type::Bytes);
    }

    fn lists(&mut self) {
        self.method("isSorted", [any_list()], Type::Bool);
        self.add(
            "sum",
            Signature::new(Style::Method, [any_list()], Answer::Element),
        );
        let slice = [any_list(), Type::Int, Type::Int];
        self.add("slice", Signature::new(Style::Method, slice, Answer::Same));
        for name in ["sort", "distinct"] {
            self.add(name, Signature::new(Style::Method, [any_list()], Answer::Same));
        }
        self.method_with_optional("flatten", [any_list(), Type::Int], 1, any_list());
        self.method("first", [any_list()], OPTIONAL);
        self.method("last", [any_list()], OPTIONAL);
        self.function("lists.range", [Type::Int], Type::list(Type::Int));
        for name in ["sets.contains", "sets.equivalent", "sets.intersects"] {
            self.function(name, [any_list(), any_list()], Type::Bool);
        }
    }

    fn numbers(&mut self) {
        use Type::{Bool, Double, Dynamic, Int, Uint};
        for name in ["math.ceil", "math.floor", "math.round", "math.trunc"] {
            self.function(name, [Double], Double);
        }
        for name in ["math.abs", "math.sign"] {
            for number in [Int, Uint, Double] {
                self.add(name, Signature::new(Style::Function, [number], Answer::Same));
            }
        }
        for name in ["math.isInf", "math.isNaN", "math.isFinite"] {
            self.function(name, [Double], Bool);
        }
        for name in [
            "math.bitAnd",
            "math.bitOr",
            "math.bitXor",
            "math.bitShiftLeft",
            "math.bitShiftRight",
        ] {
            self.function(name, [Int, Int], Int);
        }
        self.function("math.bitNot", [Int], Int);
        self.function("math.sqrt", [Double], Double);
        for name in ["math.greatest", "math.least"] {
            let extremum = Signature::new(Style::Function, [Dynamic], Answer::Type(Dynamic));
            self.add(name, extremum.repeated());
        }
    }

    fn addresses(&mut self) {
        use Type::{Bool, Int, String};
        self.method("ip", [String], IP);
        self.method("ip", [CIDR], IP);
        self.function("cidr", [String], CIDR);
        for name in [
            "isIP",
            "isCIDR",
            "ip.isCanonical",
            "isIPv4",
            "isIPv6",
            "isCIDRv4",
            "isCIDRv6",
        ] {
            self.function(name, [String], Bool);
        }
        self.method("family", [IP], Int);
        for name in [
            "isLoopback",
            "isUnspecified",
            "isLinkLocalMulticast",
            "isLinkLocalUnicast",
            "isGlobalUnicast",
        ] {
            self.method(name, [IP], Bool);
        }
        for (name, inner) in [("containsIP", IP), ("containsCIDR", CIDR)] {
            self.method(name, [CIDR, inner], Bool);
            self.method(name, [CIDR, String], Bool);
        }
        self.method("prefixLength", [CIDR], Int);
        self.method("masked", [CIDR], CIDR);
        self.function("url", [String], URL);
        self.function("isURL", [String], Bool);
        for name in ["getScheme", "getHost", "getHostname", "getPort", "getEscapedPath"] {
            self.method(name, [URL], String);
        }
        self.method("getQuery", [URL], any_map());
    }

    fn quantities(&mut self) {
        use Type::{Bool, Double, Int, String};
        self.function("quantity", [String], QUANTITY);
        self.function("isQuantity", [String], Bool);
        self.method("isInteger", [QUANTITY], Bool);
        self.method("asInteger", [QUANTITY], Int);
        self.method("asApproximateFloat", [QUANTITY], Double);
        self.method("sign", [QUANTITY], Int);
        for name in ["add", "sub"] {
            self.method(name, [QUANTITY, QUANTITY], QUANTITY);
            self.method(name, [QUANTITY, Int], QUANTITY);
        }
        self.method_with_optional("semver", [String, Bool], 1, SEMVER);
        self.method_with_optional("isSemver", [String, Bool], 1, Bool);
        for name in ["major", "minor", "patch"] {
            self.method(name, [SEMVER], Int);
        }
        for comparable in [QUANTITY, SEMVER] {
            self.method("isGreaterThan", [comparable.clone(), comparable.clone()], Bool);
            self.method("isLessThan", [comparable.clone(), comparable.clone()], Bool);
            self.method("compareTo", [comparable.clone(), comparable], Int);
        }
    }

    fn formats(&mut self) {
        for name in [
            "format.dns1123Label",
            "format.dns1123Subdomain",
            "format.dns1035Label",
            "format.dns1035LabelPrefix",
            "format.dns1123LabelPrefix",
            "format.dns1123SubdomainPrefix",
            "format.qualifiedName",
            "format.labelValue",
            "format.uri",
            "format.uuid",
            "format.byte",
            "format.date",
            "format.datetime",
        ] {
            self.function(name, [], FORMAT);
        }
        self.function("format.named", [Type::String], Type::Dynamic);
        self.method("validate", [FORMAT, Type::String], OPTIONAL);
    }

    /// A method whose last parameters, so many, may be left out.
    fn method_with_optional<const COUNT: usize>(
        &mut self,
        name: &'static str,
        parameters: [Type; COUNT],
        optional: usize,
        result: Type,
    ) {
        let signature = Signature::new(Style::Method, parameters, Answer::Type(result));
        self.add(name, signature.with_optional(optional));
    }
}

fn any_list() -> Type {
    Type::list(Type::Dynamic)
}

fn any_map() -> Type {
    Type::Map(Type::Dynamic.into(), Type::Dynamic.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_cel::{
        KubeCelExt,
        cel::{Context, ExecutionError, Program},
    };

    #[test]
    fn the_interpreter_has_every_function_of_the_table() {
        let context = Context::default().with_all();
        for name in names() {
            let outcome = Program::compile(&format!("{name}()")).unwrap().execute(&context);
            let last = name.rsplit('.').next().unwrap();
            assert!(
                !matches!(&outcome, Err(ExecutionError::UndeclaredReference(unknown)) if **unknown == last),
                "{name}: {outcome:?}"
            );
        }
    }
}

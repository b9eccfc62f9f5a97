//! From JSON to CEL.

use kube_cel::cel::{
    Value as CelValue,
    objects::{Key, Map as CelMap},
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// JSON to CEL with whole numbers as `int`, as the API server does it; the crate's own conversion makes them `uint`, and `n + 1` fails.
pub(crate) fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(truth) => CelValue::Bool(*truth),
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Number(number) => number
            .as_i64()
            .map(CelValue::Int)
            .or_else(|| number.as_u64().map(CelValue::UInt))
            .unwrap_or_else(|| CelValue::Float(number.as_f64().unwrap_or(f64::NAN))),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let map: HashMap<Key, CelValue> = fields
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)))
                .collect();
            CelValue::Map(CelMap { map: Arc::new(map) })
        }
    }
}

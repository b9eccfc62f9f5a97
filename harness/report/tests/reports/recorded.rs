//! The logs of runs, as the tests of the whole program have them too.

use plumbline_model::read_log;
use plumbline_report::{Summary, merge};
use std::{collections::BTreeMap, fs, path::Path};

/// Every recorded run by its name, and the two shards as one.
pub fn summaries() -> BTreeMap<String, Summary> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/program/logs");
    let mut summaries: BTreeMap<String, Summary> = fs::read_dir(folder)
        .expect("the logs are there")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_stem().expect("a log has a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("the log is text");
            let log = read_log(&text).expect("the log is a log");
            (
                name.into_owned(),
                Summary::recorded(&log).expect("the log of a run"),
            )
        })
        .collect();
    let shard = |name: &str| (format!("{name}.ndjson"), summaries[name].clone());
    let parts = vec![shard("shard-2-of-2"), shard("shard-1-of-2")];
    let merged = merge(parts).expect("they belong together");
    let incomplete = merge(vec![shard("shard-1-of-2")]).expect("it is a shard");
    summaries.insert("shards".to_owned(), merged);
    summaries.insert("shards-incomplete".to_owned(), incomplete);
    summaries
}

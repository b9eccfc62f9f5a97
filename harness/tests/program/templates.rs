//! The templates of `ci/templates` are YAML, and what they call is there.

use crate::{
    invocation,
    world::{Said, World},
};
use serde_json::Value;
use std::fs;

/// The keys under which build services have scripts.
const SCRIPTS: [&str; 3] = ["run", "bash", "script"];

#[test]
fn what_the_templates_call_is_there() {
    let folder = invocation::project().join("ci/templates");
    for (file, calls) in [("github-actions.yml", 7), ("azure-pipelines.yml", 7)] {
        let text = fs::read_to_string(folder.join(file)).expect("the template");
        let template: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut scripts = Vec::new();
        collect(&template, &mut scripts);
        let commands: Vec<_> = scripts.iter().flat_map(|script| commands(script)).collect();
        assert_eq!(commands.len(), calls, "{file}: {commands:?}");
        for mut command in commands {
            // With it, every flag before it must be one, and nothing is done.
            command.push("--help".to_owned());
            let words: Vec<_> = command.iter().map(String::as_str).collect();
            let said = Said::by(&mut World::new().bare_command(&words));
            assert_eq!(said.code, 0, "{file}: {words:?}: {said}");
        }
    }
}

/// The scripts in a pipeline.
pub fn collect<'a>(value: &'a Value, scripts: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, scripts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(script) if SCRIPTS.contains(&name.as_str()) => scripts.push(script),
                    value => collect(value, scripts),
                }
            }
        }
        _ => {}
    }
}

/// The arguments of each call of plumbline in a script.
fn commands(script: &str) -> Vec<Vec<String>> {
    let lines = script.lines().map(words);
    let called = lines.filter_map(|words| {
        let at = words.iter().position(|word| word == "plumbline")?;
        // Else it is an argument of something else, or the path of a folder.
        let is_called = at == 0 || (at == 1 && words[0] == "xargs");
        let end = |word: &String| ["|", "<", ">"].contains(&word.as_str());
        is_called.then(|| {
            words[at + 1..]
                .iter()
                .take_while(|word| !end(word))
                .cloned()
                .collect()
        })
    });
    called.collect()
}

/// The words of a line; what is in double quotes is one.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.trim().chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            character => words.iter_mut().last().expect("there is one").push(character),
        }
    }
    words
}

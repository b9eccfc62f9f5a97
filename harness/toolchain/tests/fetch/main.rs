//! Fetching with real processes: small programs on PATH, a local file server, and Go modules without dependencies.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod file_server;
mod module_proxy;
mod world;

use file_server::FileServer;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use module_proxy::publish;
use plumbline_model::{Activity, Progress};
use plumbline_toolchain::{Source, ToolchainError};
use std::{
    fs,
    future::Future,
    process::ExitCode,
    sync::{Arc, Mutex},
};
use world::{World, installed_go};

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let tests = vec![
        test(
            "the_right_version_on_path_is_taken_and_others_are_passed_over",
            right_version_on_path,
        ),
        test(
            "a_tampered_program_is_fetched_again_and_not_run",
            tampered_program,
        ),
        test(
            "all_missing_programs_are_named_with_each_way_to_get_them",
            all_missing,
        ),
        test("an_unknown_name_proposes_a_known_one", unknown_name),
        test("a_release_is_downloaded_checked_and_kept", release),
        test(
            "a_release_with_another_digest_is_refused_for_good",
            release_mismatch,
        ),
        test(
            "an_unreachable_release_falls_through_with_its_reason",
            release_unreachable,
        ),
        go_test(
            "a_go_module_is_built_by_two_at_once_but_only_one_builds",
            go_twice,
        ),
        go_test("two_offline_fetches_of_the_same_programs_both_end", go_offline),
        go_test("a_killed_build_is_taken_up_again", go_resumed),
        go_test("a_failing_build_quotes_go_and_names_its_log", go_failing),
        go_test(
            "a_copied_module_gets_its_missing_files_only_if_it_is_the_pinned_one",
            go_copy,
        ),
        go_test(
            "a_program_of_our_own_source_is_built_again_when_any_file_of_it_changes",
            go_own_source,
        ),
        test("states_tell_what_is_there_without_fetching", states),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// A test that needs an installed Go, and says so where there is none.
fn go_test<Run: Future<Output = Result<(), String>> + Send + 'static>(
    name: &'static str,
    run: fn(World) -> Run,
) -> Trial {
    if installed_go().is_some() {
        test(name, run)
    } else {
        Trial::ignorable_test(name, || Ok(Completion::ignored_with("no Go on PATH")))
    }
}

fn test<Run: Future<Output = Result<(), String>> + Send + 'static>(
    name: &'static str,
    run: fn(World) -> Run,
) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let world = World::new().await;
            // Spawned, so that a fetch which cannot move between threads does not compile.
            tokio::spawn(run(world)).await?.map_err(Failed::from)
        })
    })
}

fn go_lock(name: &str) -> String {
    format!(
        "[[program]]\nname = \"{name}\"\nversion = \"1.0.0\"\n\
         go = {{ module = \"example.test/{name}\", package = \"example.test/{name}\", stamp = {{ \"main.version\" = \"v{{version}}\" }} }}\n"
    )
}

const HELLO: &str = "package main\n\nvar version string\n\nfunc main() { println(\"hello\", version) }\n";

const TOOL: &str = "[[program]]\nname = \"tool\"\nversion = \"1.2.3\"\n\
                    path = { ask = [\"--version\"], pattern = \"tool v{version}\" }\n";

macro_rules! check {
    ($condition:expr, $($shown:tt)*) => {
        if !$condition {
            return Err(format!("{} does not hold: {}", stringify!($condition), format!($($shown)*)));
        }
    };
}

fn shown(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

async fn right_version_on_path(world: World) -> Result<(), String> {
    world.script("tool", "echo tool v1.2.4");
    let other = world.at("other");
    fs::create_dir(&other).unwrap();
    let toolchain = world.toolchain_with(TOOL, |options| options.search_path.push(other.clone()));
    let error = toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .unwrap_err()
        .to_string();
    check!(error.contains("path/tool is 1.2.4"), "{error}");
    world.script("../other/tool", "test \"$1\" = --version && echo tool v1.2.3 >&2");
    let programs = toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .map_err(shown)?;
    check!(
        programs.path("tool") == Some(other.join("tool").as_path()),
        "{programs:?}"
    );
    let facts = programs.facts();
    check!(
        facts[0].source == Source::Path && facts[0].version == "1.2.3",
        "{facts:?}"
    );
    Ok(())
}

async fn tampered_program(world: World) -> Result<(), String> {
    let content = b"#!/bin/sh\necho tool\n".to_vec();
    let server = FileServer::start(content.clone());
    let toolchain = world.toolchain(&server.lock(&content, None));
    let programs = toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .map_err(shown)?;
    let path = programs.path("tool").unwrap().to_owned();
    fs::write(&path, b"#!/bin/sh\necho evil\n").unwrap();
    toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .map_err(shown)?;
    check!(fs::read(&path).unwrap() == content, "{path:?}");
    check!(server.requests() == 2, "{}", server.requests());
    drop(server);
    fs::write(&path, b"#!/bin/sh\necho evil\n").unwrap();
    let error = toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .unwrap_err()
        .to_string();
    check!(error.contains("cache: refused: its SHA-256 is"), "{error}");
    Ok(())
}

async fn all_missing(world: World) -> Result<(), String> {
    let programs = format!("{TOOL}{}", go_lock("built"));
    let toolchain = world.toolchain_with(&programs, |options| options.offline = true);
    let error = toolchain
        .fetch(&["built", "tool"], &Progress::silent())
        .await
        .unwrap_err()
        .to_string();
    let cache = world.at("cache").display().to_string();
    let expected = "2 programs are missing:\
        \n  tool 1.2.3\
        \n    cache: not there\
        \n    PATH: not found\
        \n    to get it, put tool 1.2.3 on PATH\
        \n  built 1.0.0\
        \n    cache: not there\
        \n    PATH: it cannot tell its version, so that one found there could be any\
        \n    Go module: no Go on PATH\
        \n    to get it, install Go 1.21.0 or later, with its modules in Go's cache or the network allowed\
        \n        or copy the folder CACHE/programs/built from a machine that has it";
    check!(error.replace(&cache, "CACHE") == expected, "{error}");
    Ok(())
}

async fn unknown_name(world: World) -> Result<(), String> {
    let error = world
        .toolchain(TOOL)
        .fetch(&["toll"], &Progress::silent())
        .await
        .unwrap_err()
        .to_string();
    check!(
        error == "there is no program `toll` in the toolchain lock; did you mean `tool`?",
        "{error}"
    );
    Ok(())
}

async fn release(world: World) -> Result<(), String> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    builder
        .append_data(&mut header, "tool-1.2.3/tool", &b"hello"[..])
        .unwrap();
    let archive = builder.into_inner().unwrap().finish().unwrap();
    let server = FileServer::start(archive.clone());
    let toolchain = world.toolchain(&server.lock(&archive, Some("tool-1.2.3/tool")));
    for _ in 0..2 {
        let programs = toolchain
            .fetch(&["tool"], &Progress::silent())
            .await
            .map_err(shown)?;
        check!(
            fs::read(programs.path("tool").unwrap()).unwrap() == b"hello",
            "{programs:?}"
        );
        check!(
            programs.facts()[0].source == Source::Release,
            "{:?}",
            programs.facts()
        );
    }
    check!(server.requests() == 1, "{}", server.requests());
    Ok(())
}

async fn release_mismatch(world: World) -> Result<(), String> {
    let server = FileServer::start(b"evil".to_vec());
    let error = world
        .toolchain(&server.lock(b"good", None))
        .fetch(&["tool"], &Progress::silent())
        .await
        .unwrap_err();
    check!(matches!(error, ToolchainError::NotAsPinned { .. }), "{error}");
    Ok(())
}

async fn release_unreachable(world: World) -> Result<(), String> {
    let server = FileServer::start(Vec::new());
    let lock = server.lock(b"good", None);
    drop(server);
    let error = world
        .toolchain(&lock)
        .fetch(&["tool"], &Progress::silent())
        .await
        .unwrap_err()
        .to_string();
    check!(
        error.contains("published release: ") && error.contains("refused"),
        "{error}"
    );
    check!(error.contains("Go module: the lock names none"), "{error}");
    Ok(())
}

async fn go_twice(world: World) -> Result<(), String> {
    world.go_program("hello", HELLO);
    let toolchain = world.go_toolchain(&go_lock("hello"));
    let built = Arc::new(Mutex::new(Vec::new()));
    let log = built.clone();
    let progress = Progress::new(move |activity| {
        if let Activity::Started { what, .. } = activity {
            log.lock().unwrap().push(what);
        }
    });
    let (one, other) = tokio::join!(
        toolchain.fetch(&["hello"], &progress),
        toolchain.fetch(&["hello"], &progress)
    );
    let (one, other) = (one.map_err(shown)?, other.map_err(shown)?);
    check!(one.facts() == other.facts(), "{one:?} {other:?}");
    let built = built.lock().unwrap().clone();
    check!(
        built
            .iter()
            .filter(|what| *what == "building hello 1.0.0")
            .count()
            == 1,
        "{built:?}"
    );
    check!(
        built.iter().any(|what| what.starts_with("waiting for process ")),
        "{built:?}"
    );
    let command = plumbline_keeper::Command::new("hello", one.path("hello").unwrap())
        .output(plumbline_keeper::Output::Captured);
    let finished = world.keeper.output(command).await.map_err(shown)?;
    check!(
        finished.stderr.text() == "hello v1.0.0\n",
        "{:?}",
        finished.stderr.text()
    );
    Ok(())
}

async fn go_offline(world: World) -> Result<(), String> {
    for name in ["one", "other"] {
        world.go_program(name, HELLO);
    }
    let lock = format!("{}{}", go_lock("one"), go_lock("other"));
    let toolchain = world.go_toolchain_with(&lock, |options| options.offline = true);
    let silent = Progress::silent();
    let names = ["one", "other"];
    let (first, second) = tokio::join!(toolchain.fetch(&names, &silent), toolchain.fetch(&names, &silent));
    let (first, second) = (first.map_err(shown)?, second.map_err(shown)?);
    check!(first.facts() == second.facts(), "{first:?} {second:?}");
    Ok(())
}

async fn go_resumed(world: World) -> Result<(), String> {
    world.go_program("hello", HELLO);
    let toolchain = world.go_toolchain(&go_lock("hello"));
    let (sender, mut building) = tokio::sync::mpsc::unbounded_channel();
    let progress = Progress::new(move |activity| {
        if let Activity::Started { what, .. } = activity
            && what.starts_with("building")
        {
            let _ = sender.send(());
        }
    });
    {
        let names = ["hello"];
        let fetch = toolchain.fetch(&names, &progress);
        tokio::select! {
            biased;
            _ = building.recv() => {}
            result = fetch => return Err(format!("ended before it was stopped: {result:?}")),
        }
    }
    let left = world.at("cache/programs/hello/staging");
    check!(left.is_dir(), "{left:?}");
    toolchain
        .fetch(&["hello"], &Progress::silent())
        .await
        .map_err(shown)?;
    check!(!left.exists(), "{left:?}");
    Ok(())
}

async fn go_failing(world: World) -> Result<(), String> {
    world.go_program("hello", "package main\n\nfunc main() { absent() }\n");
    let toolchain = world.go_toolchain(&go_lock("hello"));
    let error = toolchain
        .fetch(&["hello"], &Progress::silent())
        .await
        .unwrap_err();
    let ToolchainError::GoBuild { tail, log, .. } = &error else {
        return Err(shown(error));
    };
    check!(tail.contains("undefined: absent"), "{tail}");
    check!(
        fs::read_to_string(log).unwrap().contains("undefined: absent"),
        "{log:?}"
    );
    Ok(())
}

async fn go_copy(world: World) -> Result<(), String> {
    const MAIN: &str = "package main\n\nimport _ \"embed\"\n\n//go:embed page.html\nvar page string\n\nfunc main() { print(page) }\n";
    let files = [
        ("go.mod", "module example.test/web\n\ngo 1.21\n"),
        ("main.go", MAIN),
        ("data/crd.yaml", "kind: X\n"),
    ];
    let sum = publish(&world.at("proxy"), "example.test/web", &files);
    let folder = world.at("clusters/go/web");
    fs::create_dir_all(&folder).unwrap();
    let go_mod = "module plumbline.local/programs/web\n\ngo 1.21\n\nrequire example.test/web v1.0.0\n\n\
                  replace example.test/web => ./module\n";
    fs::write(folder.join("go.mod"), go_mod).unwrap();
    fs::write(folder.join("go.sum"), "").unwrap();
    let lock = |sum: &str| {
        format!(
            "[[program]]\nname = \"web\"\nversion = \"1.0.0\"\n[program.go]\nmodule = \"example.test/web\"\n\
             package = \"example.test/web\"\nassets = [\"data\"]\n[program.go.copy]\nsum = \"{sum}\"\nadd = {{ \"page.html\" = \"hi\" }}\n"
        )
    };
    let toolchain = world.go_toolchain(&lock("h1:AAAA"));
    let error = toolchain.fetch(&["web"], &Progress::silent()).await.unwrap_err();
    check!(
        matches!(&error, ToolchainError::NotAsPinned { found, .. } if *found == sum),
        "{error} {sum}"
    );
    let toolchain = world.go_toolchain(&lock(&sum));
    let programs = toolchain
        .fetch(&["web"], &Progress::silent())
        .await
        .map_err(shown)?;
    let asset = programs.assets("web").unwrap().join("data/crd.yaml");
    check!(fs::read_to_string(&asset).unwrap() == "kind: X\n", "{asset:?}");
    Ok(())
}

async fn go_own_source(world: World) -> Result<(), String> {
    let folder = world.at("clusters/go/greeter");
    fs::create_dir_all(folder.join("words")).unwrap();
    fs::write(folder.join("go.mod"), "module example.test/greeter\n\ngo 1.21\n").unwrap();
    let main =
        "package main\n\nimport \"example.test/greeter/words\"\n\nfunc main() { print(words.Greeting) }\n";
    fs::write(folder.join("main.go"), main).unwrap();
    let lock =
        "[[program]]\nname = \"greeter\"\nversion = \"1.0.0\"\ngo = { package = \"example.test/greeter\" }\n";
    let toolchain = world.go_toolchain(lock);
    for greeting in ["hello", "good day"] {
        let words = format!("package words\n\nconst Greeting = \"{greeting}\"\n");
        fs::write(folder.join("words/words.go"), words).unwrap();
        let programs = toolchain
            .fetch(&["greeter"], &Progress::silent())
            .await
            .map_err(shown)?;
        let command = plumbline_keeper::Command::new("greeter", programs.path("greeter").unwrap())
            .output(plumbline_keeper::Output::Captured);
        let finished = world.keeper.output(command).await.map_err(shown)?;
        check!(finished.stderr.text() == greeting, "{:?}", finished.stderr.text());
    }
    let files = fs::read_dir(&folder).unwrap().count();
    check!(files == 3, "the build left something beside the source: {files}");
    Ok(())
}

async fn states(world: World) -> Result<(), String> {
    let content = b"#!/bin/sh\n".to_vec();
    let server = FileServer::start(content.clone());
    let programs = format!(
        "{}{}",
        server.lock(&content, None),
        TOOL.replace("\"tool\"", "\"git\"")
    );
    let toolchain = world.toolchain(&programs);
    let available = async || {
        toolchain
            .states()
            .await
            .into_iter()
            .map(|state| state.available)
            .collect::<Vec<_>>()
    };
    let before = available().await;
    check!(before == [None, None], "{before:?}");
    check!(server.requests() == 0, "{}", server.requests());
    toolchain
        .fetch(&["tool"], &Progress::silent())
        .await
        .map_err(shown)?;
    world.script("git", "echo tool v1.2.3");
    let after = available().await;
    check!(after == [Some(Source::Cache), Some(Source::Path)], "{after:?}");
    Ok(())
}

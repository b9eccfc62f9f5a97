//! What the program says of the machine: programs that are missing, files that cannot be written, nothing to clean up.

use crate::world::{Said, World};
use std::fs;

#[test]
fn nothing_to_collect_and_nothing_up_is_no_error_and_makes_nothing() {
    for (command, words) in [("gc", "nothing was left behind\n"), ("down", "nothing is up\n")] {
        let world = World::new();
        let said = world.run(&[command]);
        assert_eq!(
            (said.code, said.output.as_str(), said.error.as_str()),
            (0, words, "")
        );
        assert!(!world.path("runs").exists());
    }
}

#[test]
fn a_directory_for_runs_that_others_could_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let runs = world.path("runs");
    fs::create_dir(&runs).expect("an empty folder");
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o777)).expect("my own folder");
    for command in ["gc", "tools"] {
        let said = world.run(&[command]);
        assert_eq!(said.code, 3, "{said}");
        assert!(said.error.contains("other users may write to it"), "{said}");
    }
}

#[test]
fn the_list_of_tools_tells_what_is_here_and_what_is_to_be_fetched() {
    let world = World::new();
    let said = world.run(&["tools"]);
    assert_eq!(said.code, 0, "{said}");
    world.assert_golden("tools", &said);
    world.assert_nothing_left();
}

#[test]
fn a_tool_that_nobody_knows_is_wrong_usage() {
    let world = World::new();
    let said = world.run(&["tools", "kubectrl"]);
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("unknown-tool", &said);
    world.assert_nothing_left();
}

/// A `docker` that finds nobody to talk to.
const DOCKER: &str = "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2\nexit 1\n";

#[test]
fn doctor_says_what_is_wrong_and_hides_what_only_an_engine_can_tell() {
    let world = World::new();
    let said = world.run(&["doctor"]);
    assert_eq!(said.code, 3, "{said}");
    let first: Vec<_> = said.output.lines().take(4).collect();
    assert_eq!(
        first,
        [
            "wrong     docker client   no `docker` on PATH",
            "                          -> run ci/docker-engine, or install an engine yourself",
            "-         engine          only a client can ask it",
            "-         cgroups         only the engine can tell",
        ],
        "{said}"
    );
    assert!(said.output.contains("\nkind cannot be used: "), "{said}");

    executable(&world, "docker", DOCKER);
    let said = world.run(&["doctor", "--json"]);
    assert_eq!(said.code, 3, "{said}");
    let findings: serde_json::Value = serde_json::from_str(&said.output).expect("a JSON list");
    assert_eq!(findings[0]["state"], "good", "{said}");
    assert_eq!(findings[1]["check"], "engine", "{said}");
    assert_eq!(findings[1]["state"], "wrong", "{said}");
    world.assert_nothing_left();
}

/// After the end of an engine its containers are still to be removed, once it is there again.
#[test]
fn what_an_engine_holds_that_does_not_answer_is_not_said_to_be_nothing() {
    let world = World::new();
    executable(&world, "docker", DOCKER);
    let said = world.run(&["gc"]);
    let words = "the Docker engine does not answer, so what it may hold was not looked at: run `plumbline gc` again when it does\n\
                 nothing else was left behind\n";
    assert_eq!(
        (said.code, said.output.as_str(), said.error.as_str()),
        (0, words, "")
    );
    world.assert_nothing_left();
}

#[test]
fn a_node_image_without_an_engine_says_how_to_get_one() {
    let world = World::new();
    let without = world.run(&["node-image", "build"]);
    assert_eq!(without.code, 3, "{without}");
    assert!(
        without.error.starts_with("error: no `docker` on PATH: "),
        "{without}"
    );
    executable(&world, "docker", DOCKER);
    let said = world.run(&["node-image", "build"]);
    assert_eq!(said.code, 3, "{said}");
    world.assert_golden("node-image-no-engine", &said);
    world.assert_nothing_left();
}

fn executable(world: &World, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = world.path("bin").join(name);
    fs::write(&path, text).expect("my own folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("my own file");
}

#[test]
fn files_that_could_not_be_written_are_refused_before_anything_starts() {
    let world = World::new();
    fs::create_dir(world.path("folder")).expect("an empty folder");
    for option in [
        "--json",
        "--junit",
        "--html",
        "--conformance",
        "--step-summary",
        "--log",
    ] {
        for (file, why) in [
            ("no/such/report", "its folder is not there"),
            ("folder", "it is a folder"),
            ("/proc/report", "(os error"),
        ] {
            let said = world.run(&["run", "--offline", option, file]);
            assert_eq!(said.code, 2, "{option}: {said}");
            assert!(
                said.error.starts_with(&format!("error: cannot write {file}: ")),
                "{said}"
            );
            assert!(said.error.contains(why), "{said}");
        }
    }
    assert!(!world.path("run.ndjson").exists());
    assert!(!world.path("runs").exists());
}

/// Offline, with an empty cache and nothing but git on PATH.
#[test]
fn without_programs_the_run_names_each_of_them_and_every_way_to_get_it() {
    let world = World::new();
    let arguments = [
        "run",
        "--offline",
        "--json",
        "report.json",
        "--junit",
        "report.xml",
    ];
    let said = world.run(&arguments);
    assert_eq!(said.code, 3, "{said}");
    world.assert_nothing_left();
    assert!(said.output.contains("ERROR set-up: programs\n"), "{said}");

    let tools = world.run(&["tools"]).output;
    let missing: Vec<(&str, &str)> = tools
        .lines()
        .filter(|line| line.ends_with("to be fetched"))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    assert!(missing.len() > 10, "{tools}");
    assert!(
        said.output
            .contains(&format!("{} programs are missing:\n", missing.len())),
        "{said}"
    );
    for (program, version) in missing {
        let title = format!("\n        {program} {version}\n");
        let told = said
            .output
            .split_once(&title)
            .unwrap_or_else(|| panic!("no {program}: {said}"))
            .1;
        let told: String = told
            .lines()
            .take_while(|line| line.starts_with("          "))
            .collect();
        for source in [
            "cache: ",
            "PATH: ",
            "Go module: ",
            "to get it, ",
            "or install Go",
            "or copy the folder",
        ] {
            // The first way stands behind "to get it"; for programs that PATH cannot provide it is Go.
            let words = source.trim_start_matches("or ");
            assert!(told.contains(words), "{program}: no {words:?} in {told}");
        }
    }

    let log = fs::read_to_string(world.path("run.ndjson")).expect("the log is written");
    assert!(
        log.lines()
            .last()
            .is_some_and(|line| line.contains("run-finished")),
        "{log}"
    );
    for report in ["report.json", "report.xml"] {
        let report = fs::read_to_string(world.path(report)).expect("the report is written");
        assert!(
            report.contains("kube-apiserver") && report.contains("copy the folder"),
            "{report}"
        );
    }
    let again = world.run(&["report", "--json", "again.json", "--junit", "again.xml"]);
    assert_eq!(again.code, said.code, "{again}");
    assert_eq!(again.output, said.output);
    for (one, other) in [("report.json", "again.json"), ("report.xml", "again.xml")] {
        let read = |name| fs::read_to_string(world.path(name)).expect("the report is written");
        assert_eq!(read(one), read(other), "{one}");
    }
}

#[test]
fn one_file_for_two_things_is_refused_before_anything_starts() {
    let world = World::new();
    let log = fs::read(World::recorded("passed")).expect("the log is there");
    fs::write(world.path("run.ndjson"), &log).expect("my own folder");
    for arguments in [
        ["run", "--json", "run.ndjson"].as_slice(),
        &["run", "--log", "a", "--html", "./a"],
        &["report", "--junit", "run.ndjson"],
        &["report", "--json", "a", "--step-summary", "bin/../a"],
    ] {
        let said = world.run(arguments);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        assert!(said.error.contains("this file is named twice"), "{said}");
    }
    assert_eq!(fs::read(world.path("run.ndjson")).expect("my own file"), log);
    assert!(!world.path("a").exists());
}

/// A rename would put a file in the place of a pipe or a device.
#[test]
fn what_is_no_file_is_written_to_and_stays_what_it_is() {
    use std::os::unix::fs::FileTypeExt as _;
    let world = World::new();
    let pipe = world.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("my own folder");
    let reading = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read_to_string(pipe))
    };
    let log = World::recorded("passed");
    let said = world.run(&[
        "report",
        log.to_str().expect("text"),
        "--json",
        "pipe",
        "--html",
        "/dev/null",
    ]);
    assert_eq!(said.code, 0, "{said}");
    let read = reading.join().expect("it only reads").expect("my own pipe");
    assert!(read.contains("plumbline.report/v1"), "{read}");
    assert!(pipe.metadata().expect("it is there").file_type().is_fifo());
}

#[test]
fn an_older_report_stays_when_the_new_one_cannot_begin() {
    let world = World::new();
    fs::write(world.path("report.json"), "older").expect("my own folder");
    let said: Said = world.run(&["run", "-n", "no such scenario", "--json", "report.json"]);
    assert_eq!(said.code, 4, "{said}");
    assert_eq!(
        fs::read_to_string(world.path("report.json")).expect("my own file"),
        "older"
    );
}

//! `plumbline images scan` with a stand-in for trivy, which also sees to it that it was started as trivy must be.

use crate::world::{Said, World};
use std::{fs, os::unix::fs::PermissionsExt as _};

/// Behaves as trivy does, by the name of the image; ends with 9 where it finds what it should not, or misses what it should find.
const TRIVY: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then
  echo "Version: 0.69.3"
  exit
fi
unexpected() { echo "unexpected: $1" >&2; exit 9; }
[ "$TRIVY_IMAGE_SRC" = remote ] || unexpected "images of the machine's own engines"
[ "$TRIVY_SKIP_VERSION_CHECK$TRIVY_DISABLE_TELEMETRY" = truetrue ] || unexpected "a word to its makers"
[ "$HTTPS_PROXY" = http://proxy.example:3128 ] || unexpected "another way out"
[ -z "$AWS_SECRET_ACCESS_KEY$TRIVY_SEVERITY" ] || unexpected "the user's environment"
[ "$PWD/cache" = "$TRIVY_CACHE_DIR" ] || unexpected "a cache of others"
case "$HOME" in */home) unexpected "the user's home" ;; esac
read -r login < "$DOCKER_CONFIG/config.json"
[ "$login" = '{"auths": {}}' ] || unexpected "other logins"
image= report= exit=0 last=
for word; do
  case "$last" in
    --output) report=$word ;;
    --exit-code) exit=$word ;;
  esac
  case "$word" in registry.example.com/*) image=$word ;; esac
  last=$word
done
found=
case "$image" in
  */absent:*)
    printf '2026-01-01T00:00:00Z\tFATAL\tFatal error\trun error: there is no such image\n' >&2
    exit 1 ;;
  */cut:*) printf '{"SchemaVersion": 2, "Resu' > "$report"; exit 0 ;;
  */bare:*) printf '{"SchemaVersion": 2}' > "$report"; exit 0 ;;
  */leaky:*) found='{"VulnerabilityID": "CVE-0000-0003", "PkgName": "quillpress", "InstalledVersion": "1.4-1",
    "FixedVersion": "1.4-2", "Severity": "HIGH", "Title": "quillpress runs what a document tells it to"}' ;;
esac
printf '{"SchemaVersion": 2, "Metadata": {"OS": {"Family": "debian", "Name": "12.12"}},
  "Results": [{"Packages": [{}, {}], "Vulnerabilities": [%s]}]}' "$found" > "$report"
[ -z "$found" ] || exit "$exit"
"#;

const CLEAN: &str = "registry.example.com/team/clean:1";
const LEAKY: &str = "registry.example.com/team/leaky:1";
const ABSENT: &str = "registry.example.com/team/absent:1";

fn scan(arguments: &[&str]) -> Said {
    let world = World::new();
    let trivy = world.path("bin/trivy");
    fs::write(&trivy, TRIVY).expect("the folder is mine");
    fs::set_permissions(&trivy, fs::Permissions::from_mode(0o755)).expect("the folder is mine");
    let logins = world.path("home/.docker");
    fs::create_dir_all(&logins).expect("the folder is mine");
    fs::write(logins.join("config.json"), "{\"auths\": {}}\n").expect("the folder is mine");
    let mut command = world.command(&["images", "scan", "--offline", "--progress", "none"]);
    command
        .args(["--db-repository", "registry.example.com/trivy/trivy-db:2"])
        .args(arguments)
        .env("HTTPS_PROXY", "http://proxy.example:3128")
        .env("AWS_SECRET_ACCESS_KEY", "of the user")
        .env("TRIVY_SEVERITY", "CRITICAL");
    let said = Said::by(&mut command);
    world.assert_nothing_left();
    said
}

#[test]
fn each_image_has_its_verdict_and_the_gravest_is_the_exit_code() {
    let bare = "registry.example.com/team/bare:1";
    World::new().assert_golden("scan-passed", &scan(&[CLEAN, bare]));
    World::new().assert_golden("scan-refused", &scan(&[CLEAN, LEAKY]));
    World::new().assert_golden("scan-audit", &scan(&["--mode", "audit", "--json", LEAKY]));
}

#[test]
fn a_scan_that_failed_is_told_from_one_that_refuses() {
    let cut = "registry.example.com/team/cut:1";
    World::new().assert_golden("scan-cannot-tell", &scan(&[LEAKY, ABSENT, cut]));
    let said = scan(&["--json", ABSENT]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.output.contains("\"verdict\": \"cannot-tell\""), "{said}");
}

#[test]
fn what_cannot_be_scanned_is_wrong_usage() {
    for (arguments, words) in [
        (["--mode=audits", CLEAN], "there are `audit` and `enforce`"),
        (["--ca-file=nowhere.pem", CLEAN], "cannot read nowhere.pem"),
        (
            ["--registry-config=nowhere.json", CLEAN],
            "cannot read nowhere.json",
        ),
        ([CLEAN, "registry.example.com/Team:1"], "is not an image name"),
        (["--db-repository=registry.example.com/Trivy", CLEAN], ""),
    ] {
        let said = scan(&arguments);
        assert_eq!(said.code, 2, "{said}");
        assert!(said.error.contains(words), "{said}");
    }
    let said = World::new().run(&["images", "scan", CLEAN]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.error.contains("--db-repository <REPOSITORY>"), "{said}");
}

//! The rules of the two schemas that readers of JUnit check by, as far as they concern what is written here.

use crate::{made_up, recorded};
use plumbline_report::{Summary, render_junit};
use proptest::prelude::*;
use quick_xml::{Reader, XmlVersion, events::Event};
use std::collections::BTreeMap;

/// An element with what is in it.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    /// Reads a document; the root is the only child of what is returned.
    pub fn read(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().expect("well-formed XML") {
                Event::Start(start) => open.push(Self::begin(&start)),
                Event::Empty(start) => {
                    let element = Self::begin(&start);
                    open.last_mut().expect("a root").children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().expect("an element");
                    open.last_mut().expect("a root").children.push(element);
                }
                Event::Text(text) => {
                    let text = text.decode().expect("UTF-8");
                    open.last_mut().expect("a root").text += &text;
                }
                Event::GeneralRef(reference) => {
                    let name = reference.decode().expect("UTF-8");
                    let text = quick_xml::escape::unescape(&format!("&{name};"))
                        .expect("a known entity")
                        .into_owned();
                    open.last_mut().expect("a root").text += &text;
                }
                Event::Eof => return open.pop().expect("a root"),
                Event::Decl(_) => {}
                other => panic!("nothing else is written: {other:?}"),
            }
        }
    }

    fn begin(start: &quick_xml::events::BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.expect("well-formed attributes, each once");
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .expect("known entities");
            let name = String::from_utf8(attribute.key.as_ref().to_vec()).expect("UTF-8");
            (name, value.into_owned())
        });
        Self {
            name: String::from_utf8(start.name().as_ref().to_vec()).expect("UTF-8"),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }

    pub fn number(&self, attribute: &str) -> usize {
        self.attributes[attribute].parse().expect("a number")
    }
}

/// Name, attributes that must be and those that may be, and children in the order in which they may come.
type Rule = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// What `junit-10.xsd` allows for the elements around cases, and both it and `surefire-test-report-3.0.xsd` for cases.
const RULES: &[Rule] = &[
    (
        "testsuites",
        &[],
        &["name", "time", "tests", "failures", "errors"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "skipped"],
        &["time", "timestamp"],
        &["properties", "testcase"],
    ),
    ("properties", &[], &[], &["property"]),
    ("property", &["name", "value"], &[], &[]),
    (
        "testcase",
        &["name", "time"],
        &["classname"],
        &[
            "failure",
            "rerunFailure",
            "flakyFailure",
            "skipped",
            "error",
            "rerunError",
            "flakyError",
            "system-out",
        ],
    ),
    ("failure", &["type"], &["message"], &[]),
    ("error", &["type"], &["message"], &[]),
    ("skipped", &[], &["message"], &[]),
    ("rerunFailure", &["type"], &["message"], &["stackTrace"]),
    ("rerunError", &["type"], &["message"], &["stackTrace"]),
    ("flakyFailure", &["type"], &["message"], &["stackTrace"]),
    ("flakyError", &["type"], &["message"], &["stackTrace"]),
    ("stackTrace", &[], &[], &[]),
    ("system-out", &[], &[], &[]),
];

/// Elements of which there is at most one among its siblings.
const SINGLE: &[&str] = &[
    "testsuite",
    "properties",
    "failure",
    "error",
    "skipped",
    "stackTrace",
    "system-out",
];

fn check(element: &Element) {
    let name = element.name.as_str();
    let (_, required, optional, children) = RULES
        .iter()
        .find(|(known, ..)| *known == name)
        .unwrap_or_else(|| panic!("no schema knows {name}"));
    for attribute in *required {
        assert!(
            element.attributes.contains_key(*attribute),
            "{name} without {attribute}"
        );
    }
    for attribute in element.attributes.keys() {
        let known = required.iter().chain(*optional).any(|known| known == attribute);
        assert!(known, "{name} with {attribute}");
    }
    if let Some(time) = element.attributes.get("time") {
        let (whole, part) = time.split_once('.').expect("a point");
        let digits = |text: &str| text.chars().all(|character| character.is_ascii_digit());
        assert!(digits(whole) && digits(part) && part.len() == 3, "{time}");
    }
    let mut last = 0;
    for child in &element.children {
        let place = children
            .iter()
            .position(|known| *known == child.name)
            .unwrap_or_else(|| panic!("{} in {name}", child.name));
        assert!(place >= last, "{} after {} in {name}", child.name, children[last]);
        let again = place == last
            && element
                .children
                .iter()
                .filter(|other| other.name == child.name)
                .count()
                > 1;
        assert!(
            !(again && SINGLE.contains(&child.name.as_str())),
            "two {} in {name}",
            child.name
        );
        last = place;
        check(child);
    }
}

/// What a summary is in JUnit, checked against the rules.
pub fn valid(summary: &Summary) -> Element {
    let document = Element::read(&render_junit(summary));
    assert_eq!(document.children.len(), 1);
    let root = document.children.into_iter().next().expect("a root");
    assert_eq!(root.name, "testsuites");
    check(&root);
    root
}

#[test]
fn every_recorded_run_is_valid() {
    for summary in recorded::summaries().values() {
        valid(summary);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_run_is_valid(log in made_up::log()) {
        valid(&Summary::fold(&log));
    }
}

//! The HTML report as a file: what a program reads from it, and that nothing in it can do harm.

use crate::{made_up, recorded};
use plumbline_report::{Summary, render_html};
use proptest::prelude::*;

/// A rendered report.
pub struct Page {
    pub text: String,
    /// The `data-status` of every scenario.
    pub scenarios: Vec<String>,
}

impl Page {
    pub fn of(summary: &Summary) -> Self {
        let text = render_html(summary).expect("the template fits");
        let scenarios = tags(&text, "details")
            .filter_map(|tag| attribute(tag, "data-status"))
            .map(str::to_owned)
            .collect();
        Self { text, scenarios }
    }

    pub fn number(&self, element: &str, name: &str) -> u64 {
        let tag = tags(&self.text, element).next().expect("the element is there");
        let value = attribute(tag, name).expect("the attribute is there");
        value.parse().expect("it is a number")
    }

    /// Fails if something in the page would be fetched, sent or run that is not the page's own.
    fn assert_harmless(&self) {
        let body = self.text.split_once("</style>").expect("a style sheet").1;
        let (body, script) = body.split_once("<script>").expect("one script");
        let after = script.split_once("</script>").expect("its end").1;
        assert_eq!(after, "\n</body>\n</html>");
        for tag in body.split('<').skip(1) {
            let tag = tag.split_once('>').expect("what begins ends").0;
            let name = tag
                .trim_start_matches('/')
                .split([' ', '/'])
                .next()
                .unwrap_or_default();
            assert!(ELEMENTS.contains(&name), "<{tag}>");
            for (name, value) in attributes(tag) {
                assert!(
                    ATTRIBUTES.contains(&name) || name.starts_with("data-"),
                    "{name}: <{tag}>"
                );
                assert!(name != "href" || value.starts_with('#'), "<{tag}>");
            }
        }
    }
}

/// Neither one that is fetched, nor one that runs.
const ELEMENTS: [&str; 40] = [
    "a", "body", "br", "button", "code", "dd", "del", "details", "dialog", "div", "dl", "dt", "footer",
    "form", "h1", "h2", "h3", "h4", "head", "header", "input", "ins", "kbd", "line", "main", "p", "pre",
    "rect", "span", "strong", "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr",
];

/// No `src`, no `style`, no handler.
const ATTRIBUTES: [&str; 29] = [
    "aria-hidden",
    "aria-label",
    "aria-pressed",
    "class",
    "colspan",
    "height",
    "href",
    "id",
    "method",
    "open",
    "placeholder",
    "preserveAspectRatio",
    "role",
    "rx",
    "tabindex",
    "text-anchor",
    "title",
    "type",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
    "hidden",
    "lang",
    "name",
];

/// The opening tags of an element, without their signs.
fn tags<'text>(text: &'text str, element: &str) -> impl Iterator<Item = &'text str> {
    let opening = format!("<{element} ");
    let begins: Vec<usize> = text.match_indices(&opening).map(|(at, _)| at + 1).collect();
    begins
        .into_iter()
        .map(|at| text[at..].split('>').next().unwrap_or_default())
}

/// Every attribute of a tag. All values are in quotes that no value contains.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag.split_once(' ').map_or("", |(_, rest)| rest);
    loop {
        rest = rest.trim_start_matches([' ', '/']);
        if rest.is_empty() {
            return found;
        }
        let end = rest.find(['=', ' ', '/']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        match rest.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').expect("a quote ends");
                found.push((name, value));
                rest = after;
            }
            None => found.push((name, "")),
        }
    }
}

fn attribute<'text>(tag: &'text str, name: &str) -> Option<&'text str> {
    let mut found = attributes(tag).into_iter();
    found.find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn nothing_is_fetched_or_run_but_the_page_itself() {
    for (name, summary) in recorded::summaries() {
        println!("{name}");
        Page::of(&summary).assert_harmless();
    }
}

#[test]
fn a_run_of_which_nothing_is_known_has_a_page() {
    let page = Page::of(&Summary::default());
    page.assert_harmless();
    assert!(page.text.contains("The run has none"));
}

#[test]
fn every_attempt_and_what_else_failed_is_on_the_page() {
    let summaries = recorded::summaries();
    let page = |name: &str| Page::of(&summaries[name]).text;
    let flaky = page("flaky");
    for wanted in [
        "Attempt 1: <span class=\"word failed\">",
        "Attempt 2: <span class=\"word passed\">",
    ] {
        assert!(flaky.contains(wanted), "{wanted}");
    }
    assert!(page("finally-failed").contains("<span class=\"tag\">finally</span>"));
    assert!(page("shards-incomplete").contains("missing: its log is not part of this report"));
    assert!(page("clean-up-left").contains("<dt class=\"failed\">left behind</dt>"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_text_of_any_log_is_obeyed(log in made_up::log()) {
        Page::of(&Summary::fold(&log)).assert_harmless();
    }
}

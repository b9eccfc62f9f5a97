//! The stream that `git fast-import` reads: commits with fixed people and dates.

use std::fmt::Write as _;

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path from the root, separated by slashes.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

impl TreeEntry {
    /// An ordinary file.
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
            executable: false,
        }
    }
}

/// What a commit changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files to write, new or not.
    pub write: Vec<TreeEntry>,
    /// Files or directories to remove; those that are not there are no error.
    pub remove: Vec<String>,
}

/// Who commits.
const AUTHOR: &str = "plumbline <plumbline@plumbline.test>";
/// The date of the first commit in a repository: 2026-01-01T00:00:00Z. Each further one is a second later.
const FIRST_DATE: u64 = 1_767_225_600;

/// A commit to write.
pub(super) struct Commit<'a> {
    pub(super) branch: &'a str,
    /// How many commits the repository had before.
    pub(super) number: u64,
    pub(super) message: &'a str,
    /// The parents; the first is the branch as it is.
    pub(super) parents: &'a [&'a str],
    pub(super) edits: Vec<Edit<'a>>,
}

/// A change of a tree.
pub(super) enum Edit<'a> {
    /// Write a file.
    Write(&'a TreeEntry),
    /// Remove a path.
    Remove(&'a str),
    /// Put an object that is already there at a path.
    Place {
        mode: &'a str,
        object: &'a str,
        path: &'a str,
    },
    /// Take this whole tree.
    Tree(&'a str),
}

/// A stream under construction. The commits answer with their ids, one a line, in order.
#[derive(Default)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    commits: usize,
}

impl Stream {
    pub(super) fn commit(&mut self, commit: &Commit<'_>) {
        self.commits += 1;
        let mark = self.commits;
        let date = FIRST_DATE + commit.number;
        self.line(&format!("commit refs/heads/{}\nmark :{mark}", commit.branch));
        self.line(&format!(
            "author {AUTHOR} {date} +0000\ncommitter {AUTHOR} {date} +0000"
        ));
        let message = commit.message.trim_end().to_owned() + "\n";
        self.data(message.as_bytes());
        for (position, parent) in commit.parents.iter().enumerate() {
            self.line(&format!(
                "{} {parent}",
                if position == 0 { "from" } else { "merge" }
            ));
        }
        for edit in &commit.edits {
            match edit {
                Edit::Write(entry) => {
                    let mode = if entry.executable { "100755" } else { "100644" };
                    self.line(&format!("M {mode} inline {}", quoted(&entry.path)));
                    self.data(&entry.content);
                }
                Edit::Remove(path) => self.line(&format!("D {}", quoted(path))),
                Edit::Place { mode, object, path } => {
                    self.line(&format!("M {mode} {object} {}", quoted(path)));
                }
                Edit::Tree(tree) => self.line(&format!("M 040000 {tree} \"\"")),
            }
        }
        self.line(&format!("\nget-mark :{mark}"));
    }

    /// Starts a branch at a commit of this stream, by its position.
    pub(super) fn point(&mut self, branch: &str, commit: usize) {
        self.line(&format!("reset refs/heads/{branch}\nfrom :{}\n", commit + 1));
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.line("done");
        self.bytes
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    fn data(&mut self, content: &[u8]) {
        self.line(&format!("data {}", content.len()));
        self.bytes.extend_from_slice(content);
        self.bytes.push(b'\n');
    }
}

/// `path` in quotes, as C would write it.
fn quoted(path: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(quoted, "\\{byte:03o}")),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted() {
        assert_eq!(quoted("a b/ü\"\\\n"), "\"a b/\\303\\274\\\"\\\\\\012\"");
    }

    #[test]
    fn a_commit_is_written_with_fixed_people_and_dates() {
        let entry = TreeEntry::file("a", "text");
        let mut stream = Stream::default();
        stream.commit(&Commit {
            branch: "main",
            number: 2,
            message: "say a",
            parents: &["0123"],
            edits: vec![Edit::Remove("b"), Edit::Write(&entry)],
        });
        let expected = "commit refs/heads/main\nmark :1\n\
            author plumbline <plumbline@plumbline.test> 1767225602 +0000\n\
            committer plumbline <plumbline@plumbline.test> 1767225602 +0000\n\
            data 6\nsay a\n\nfrom 0123\nD \"b\"\nM 100644 inline \"a\"\ndata 4\ntext\n\nget-mark :1\ndone\n";
        assert_eq!(String::from_utf8(stream.finish()).unwrap(), expected);
    }
}

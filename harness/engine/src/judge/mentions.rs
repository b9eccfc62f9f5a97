//! What an expression names: paths, and macros over them. The source is scanned, not its syntax tree: there, macros are already expanded.

/// A path in an expression, `object.data.mode` or `object.items[0].name`, and what is called on it as far as that matters here.
pub(super) struct Mention<'source> {
    pub(super) path: &'source str,
    pub(super) call: Option<Call<'source>>,
}

/// A call that says more of a list than its value would.
pub(super) enum Call<'source> {
    Size,
    Macro(Macro<'source>),
}

/// `path.all(variable, body)` and its like.
pub(super) struct Macro<'source> {
    pub(super) kind: MacroKind,
    pub(super) variable: &'source str,
    pub(super) body: &'source str,
}

/// What a macro asks of the elements.
pub(super) enum MacroKind {
    All,
    Exists,
    ExistsOne,
}

/// The paths that an expression names, in order. The body of a macro belongs to the macro.
pub(super) fn mentions(source: &str) -> Vec<Mention<'_>> {
    let mut mentions = Vec::new();
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        if character == '"' || character == '\'' {
            rest = &rest[literal(rest)..];
            continue;
        }
        if !character.is_ascii_alphabetic() && character != '_' {
            rest = &rest[character.len_utf8()..];
            continue;
        }
        let (path, after) = rest.split_at(path_length(rest));
        rest = after;
        if !after.starts_with('(') {
            push(&mut mentions, path, None);
            continue;
        }
        // The name of a function or method that is called is not part of a path.
        let (path, method) = path.rsplit_once('.').unwrap_or(("", path));
        let arguments = &after[1..closing(after).unwrap_or(after.len())];
        match read_macro(method, arguments) {
            Some(call) if !path.is_empty() => {
                push(&mut mentions, path, Some(Call::Macro(call)));
                rest = &after[1 + arguments.len()..];
            }
            _ => {
                let call = (method == "size" && arguments.trim().is_empty()).then_some(Call::Size);
                push(&mut mentions, path, call);
            }
        }
    }
    mentions
}

/// Every path that an expression names, those in the bodies of macros too.
pub(crate) fn paths(source: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    for mention in mentions(source) {
        paths.push(mention.path);
        if let Some(Call::Macro(called)) = mention.call {
            paths.extend(self::paths(called.body));
        }
    }
    paths
}

/// The length of the path that `text` begins with.
fn path_length(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(in_path);
        match index(rest) {
            Some((_, after)) => rest = after,
            None => return text.len() - rest.len(),
        }
    }
}

fn in_path(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '.'
}

fn push<'source>(mentions: &mut Vec<Mention<'source>>, path: &'source str, call: Option<Call<'source>>) {
    let path = path.trim_matches('.');
    if !path.is_empty() {
        mentions.push(Mention { path, call });
    }
}

fn read_macro<'source>(method: &str, arguments: &'source str) -> Option<Macro<'source>> {
    let kind = match method {
        "all" => MacroKind::All,
        "exists" => MacroKind::Exists,
        "exists_one" => MacroKind::ExistsOne,
        _ => return None,
    };
    let (variable, body) = arguments.split_once(',')?;
    let variable = variable.trim();
    let is_name = variable
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || character == '_');
    (is_name && !variable.is_empty()).then_some(Macro { kind, variable, body })
}

/// The length of the string literal that `text` begins with.
fn literal(text: &str) -> usize {
    let mut characters = text.char_indices();
    let open = characters.next().map(|(_, open)| open);
    let mut escaped = false;
    for (offset, character) in characters {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if Some(character) == open => return offset + character.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Where the bracket that `text` begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut offset = 0;
    while let Some(character) = text[offset..].chars().next() {
        match character {
            '"' | '\'' => {
                offset += literal(&text[offset..]);
                continue;
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(offset);
        }
        offset += character.len_utf8();
    }
    None
}

/// What stands between brackets.
pub(super) enum Index<'source> {
    Position(usize),
    Key(&'source str),
    /// The value of another path, which has no brackets itself.
    Path(&'source str),
}

/// The index that `text` begins with, and what follows it. What would have to be computed is none.
pub(super) fn index(text: &str) -> Option<(Index<'_>, &str)> {
    let inner = text.strip_prefix('[')?;
    let quote = inner.chars().next()?;
    let end = match quote {
        '"' | '\'' => literal(inner),
        _ => inner.find(']')?,
    };
    let (inner, rest) = inner.split_at(end);
    let rest = rest.strip_prefix(']')?;
    let is_path = inner.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let index = match quote {
        _ if inner.contains('\\') => return None,
        '"' | '\'' => Index::Key(inner.get(1..inner.len().checked_sub(1)?)?),
        _ if is_path && inner.chars().all(in_path) => Index::Path(inner),
        _ => Index::Position(inner.parse().ok()?),
    };
    Some((index, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_expression_panics_the_scan(source in any::<String>()) {
            for mention in mentions(&source) {
                prop_assert!(source.contains(mention.path));
            }
            for path in paths(&source) {
                prop_assert!(source.contains(path));
            }
        }
    }

    #[test]
    fn paths_in_macros_are_named_and_those_in_literals_are_not() {
        assert_eq!(
            paths("facts.kinds.exists(k, k == outputs.a.b) && 'facts.flux' != facts.list[0].name.size()"),
            ["facts.kinds", "k", "outputs.a.b", "facts.list[0].name"]
        );
    }
}

//! The ways in which programs write a value: quoted, escaped, encoded.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use std::{collections::BTreeSet, fmt::Write as _};

/// The shortest line of a secret of several lines that is looked for by itself; shorter ones are words such as `data:`.
const SHORTEST_LINE: usize = 8;

/// Every form in which `value`, or a line of it, may stand in a text.
pub(crate) fn forms(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    // Who reads a secret from a file drops the line feed at its end.
    for whole in [value, value.trim()] {
        add_writings(whole, &mut forms);
    }
    if value.contains('\n') {
        // The armour of a key is no secret, and stands around others as well.
        let lines = value.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----")) {
            add_writings(line, &mut forms);
        }
    }
    forms
}

fn add_writings(value: &str, forms: &mut BTreeSet<String>) {
    let json = Json::ALL.map(|style| style.escape(value));
    forms.extend(percent_escaped(value));
    forms.extend(quoted(value));
    forms.extend([hex(value, false), hex(value, true)]);
    // JSON in a string of JSON, as in an annotation or in the line of a structured log.
    forms.extend([&json[0], &json[1]].map(|once| Json::Plain.escape(once)));
    for text in [value, &json[0], &json[1]] {
        for encoded in encoded(text.as_bytes()) {
            // A login for a registry is base64 in a document that is base64 again.
            forms.extend(self::encoded(encoded.as_bytes()));
            forms.extend(percent_escaped(&encoded));
            forms.extend(wrapped(&encoded));
            forms.insert(encoded);
        }
    }
    forms.extend(json);
    forms.insert(value.to_owned());
}

/// How a writer of JSON escapes.
#[derive(Clone, Copy)]
enum Json {
    /// Only what has to be.
    Plain,
    /// As Go does: also `<`, `>`, `&` and the two line separators.
    SafeInHtml,
    /// Also `/`.
    Slash,
    /// Everything that is not ASCII, in lower-case and in upper-case digits.
    Ascii { upper: bool },
    /// Every character.
    Whole { upper: bool },
}

impl Json {
    const ALL: [Self; 7] = [
        Self::Plain,
        Self::SafeInHtml,
        Self::Slash,
        Self::Ascii { upper: false },
        Self::Ascii { upper: true },
        Self::Whole { upper: false },
        Self::Whole { upper: true },
    ];

    fn escape(self, value: &str) -> String {
        let mut out = String::new();
        for character in value.chars() {
            let upper = matches!(self, Self::Ascii { upper: true } | Self::Whole { upper: true });
            let numbered = match self {
                Self::Plain | Self::Slash => false,
                Self::SafeInHtml => matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
                Self::Ascii { .. } => !character.is_ascii(),
                Self::Whole { .. } => true,
            };
            if !numbered && let Some(letter) = letter_of(character) {
                out.extend(['\\', letter]);
            } else if !numbered && character == '/' && matches!(self, Self::Slash) {
                out.push_str("\\/");
            } else if numbered || character < ' ' {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = if upper {
                        write!(out, "\\u{unit:04X}")
                    } else {
                        write!(out, "\\u{unit:04x}")
                    };
                }
            } else {
                out.push(character);
            }
        }
        out
    }
}

const fn letter_of(character: char) -> Option<char> {
    match character {
        '"' => Some('"'),
        '\\' => Some('\\'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        _ => None,
    }
}

/// What stays as it is in a part of a URL beside letters and digits. Writers do not agree: the standard, JavaScript's two functions, Go's
/// paths, logins and queries, HTML forms; and some escape all.
const LEFT_IN_URLS: [&str; 7] = [
    "-_.~",
    "-_.!~*'()",
    ";/?:@&=+$,#-_.!~*'()",
    "-_.~$&+=:@",
    "-_.~$&+,;=",
    "*-._",
    "/-_.~",
];

fn percent_escaped(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    let mut escape = |left: &dyn Fn(char) -> bool| {
        for upper in [true, false] {
            for plus in [false, true] {
                forms.push(value.bytes().fold(String::new(), |mut out, byte| {
                    // Writing to a String cannot fail.
                    let _ = match char::from(byte) {
                        ' ' if plus => write!(out, "+"),
                        character if left(character) => write!(out, "{character}"),
                        _ if upper => write!(out, "%{byte:02X}"),
                        _ => write!(out, "%{byte:02x}"),
                    };
                    out
                }));
            }
        }
    };
    for left in LEFT_IN_URLS {
        escape(&|character| character.is_ascii_alphanumeric() || left.contains(character));
    }
    escape(&|_| false);
    forms
}

fn hex(value: &str, upper: bool) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = if upper {
            write!(out, "{byte:02X}")
        } else {
            write!(out, "{byte:02x}")
        };
        out
    })
}

/// As a shell, YAML, XML and the debug formats of Go and Rust quote.
fn quoted(value: &str) -> Vec<String> {
    let shell_word = |character: char| character.is_alphanumeric() || "_-./:=@%+,".contains(character);
    let backslashed = |marked: &dyn Fn(char) -> bool| {
        value.chars().fold(String::new(), |mut out, character| {
            if marked(character) {
                out.push('\\');
            }
            out.push(character);
            out
        })
    };
    vec![
        value.replace('\'', "'\\''"),
        value.replace('\'', "'\"'\"'"),
        value.replace('\'', "''"),
        backslashed(&|character| "\"\\$`".contains(character)),
        backslashed(&|character| "\"\\$`!".contains(character)),
        backslashed(&|character| !shell_word(character)),
        Json::Plain
            .escape(value)
            .replace("\\\"", "\"")
            .replace('\'', "\\'"),
        controls_by_number(value),
        value.escape_debug().to_string(),
        value.escape_default().to_string(),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&apos;"),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&#34;")
            .replace('\'', "&#39;"),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#x27;"),
    ]
}

/// In double quotes, control characters as `\x1b`: YAML and Go's `%q`.
fn controls_by_number(value: &str) -> String {
    value.chars().fold(String::new(), |mut out, character| {
        match letter_of(character) {
            Some(letter) => out.extend(['\\', letter]),
            None if character.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            None => out.push(character),
        }
        out
    })
}

/// Base64 of the bytes alone, and the part of any longer text's base64 that depends on nothing but them.
///
/// Three bytes become four characters, so it matters how many bytes stand before: none, one or two beyond a multiple of three.
fn encoded(bytes: &[u8]) -> Vec<String> {
    let mut forms = vec![STANDARD.encode(bytes), URL_SAFE.encode(bytes)];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let longer = [&[0; 2][..before], bytes].concat();
            let characters = engine.encode(&longer);
            // A character holds six bits: those that also hold bits from before or behind are left out.
            let first = (before * 8).div_ceil(6);
            let end = longer.len() * 8 / 6;
            forms.extend(characters.get(first..end).map(str::to_owned));
            // Nothing follows: the last character is settled as well.
            forms.extend(characters.get(first..).map(str::to_owned));
        }
    }
    forms
}

/// The lines of `encoded` as `base64` and as keys are broken.
fn wrapped(encoded: &str) -> Vec<String> {
    [64, 76]
        .into_iter()
        .filter(|width| encoded.len() > *width)
        .flat_map(|width| encoded.as_bytes().chunks(width))
        .filter(|line| line.len() >= SHORTEST_LINE)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

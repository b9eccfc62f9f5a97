//! Damage to scenario files, the same for the same number.

/// A small generator of its own, so that every run and every version sees the same mutations.
pub struct Dice(u64);

impl Dice {
    /// Two numbers that are near each other give rolls that have nothing to do with each other.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }

    /// From 0 to one less than `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides.max(1) as u64).expect("a side fits")
    }

    fn choose<'of, T>(&mut self, all: &'of [T]) -> &'of T {
        &all[self.roll(all.len())]
    }
}

/// What means something to YAML, to a template or to CEL, and what is not text.
const SPLICES: [&[u8]; 56] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"? ",
    b", ",
    b"\n",
    b"\t",
    b"\r",
    b"  ",
    b"#",
    b" #",
    b"&a ",
    b"*a",
    b"<<: ",
    b"<<: *a",
    b"!!binary ",
    b"!!str ",
    b"!x ",
    b"!<",
    b"|\n",
    b">-\n",
    b"|9\n",
    b"'",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"%",
    b"@",
    b"`",
    b"${",
    b"}",
    b"$${",
    b"${outputs.",
    b"(",
    b")",
    b"==",
    b".all(x, ",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\x1b[31m",
    b"---\n",
    b"...\n",
    b"%YAML 1.1\n",
    b"99999999999999999999",
    b"-1",
    b"1e999",
    b".nan",
    b"null",
    b"~",
    b"true",
];

/// Damages `bytes` in one way; `other` is a file to take parts from.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    match dice.roll(14) {
        0 => {
            let end = (at + dice.roll(12)).min(bytes.len());
            bytes.drain(at..end);
        }
        1..=3 => {
            let splice = *dice.choose(&SPLICES);
            bytes.splice(at..at, splice.iter().copied());
        }
        4 if at < bytes.len() => bytes[at] = u8::try_from(dice.roll(256)).expect("a byte has 256 values"),
        5 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        6 => bytes.truncate(at),
        7 => {
            let from = dice.roll(bytes.len() + 1);
            let end = (from + dice.roll(60)).min(bytes.len());
            let piece = bytes[from..end].to_vec();
            bytes.splice(at..at, piece);
        }
        8 => change_lines(bytes, dice),
        9 => indent(bytes, dice),
        10 | 11 => exchange_word(bytes, other, dice),
        12 => {
            let lines: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
            let line = dice.choose(&lines).to_vec();
            let start = bytes[..at]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            bytes.splice(start..start, line);
        }
        _ => repeat(bytes, at, dice),
    }
}

/// Leaves a line out, writes it twice, or exchanges it with another.
fn change_lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let line = dice.roll(lines.len());
    match dice.roll(3) {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        _ => {
            let other = dice.roll(lines.len());
            lines.swap(line, other);
        }
    }
    *bytes = lines.concat();
}

/// Moves a line, or all from it on, to the right or to the left.
fn indent(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let line = dice.roll(lines.len());
    let count = if dice.roll(3) == 0 { lines.len() } else { 1 };
    let right = dice.roll(2) == 0;
    let columns = 1 + dice.roll(4);
    for line in lines.iter_mut().skip(line).take(count) {
        if right {
            line.splice(0..0, vec![b' '; columns]);
        } else {
            let blank = line.iter().take_while(|byte| **byte == b' ').count();
            line.drain(..columns.min(blank));
        }
    }
    *bytes = lines.concat();
}

/// Puts a word of another file in the place of one of this file.
fn exchange_word(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let (from, theirs) = (words(bytes), words(other));
    if from.is_empty() || theirs.is_empty() {
        return;
    }
    let ours = dice.choose(&from).clone();
    let word = other[dice.choose(&theirs).clone()].to_vec();
    bytes.splice(ours, word);
}

fn words(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./$".contains(byte);
    let mut words = Vec::new();
    let mut start = None;
    for (place, byte) in bytes.iter().enumerate() {
        match (is_part(byte), start) {
            (true, None) => start = Some(place),
            (false, Some(from)) => {
                words.push(from..place);
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// Repeats a piece: mostly a few times, now and then until the file is huge.
fn repeat(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let piece = match dice.roll(2) {
        0 => dice.choose(&SPLICES).to_vec(),
        _ => bytes[at..(at + 1 + dice.roll(40)).min(bytes.len())].to_vec(),
    };
    let times = match dice.roll(20) {
        0 => 20_000,
        1..=3 => 500,
        _ => 2 + dice.roll(30),
    };
    let most = 300_000 / piece.len().max(1);
    bytes.splice(at..at, piece.repeat(times.min(most)));
}

//! Keys that are pressed while a run goes on: `t` tells what is waited for, Enter lets a run go on that is paused.

use rustix::{
    fd::AsFd as _,
    process::getpgrp,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};
use std::io::{self, IsTerminal as _, Read as _};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To be told what is waited for.
    Tell,
    /// To go on.
    GoOn,
    /// To go on, and never to hold still again: nobody is there who could press a key.
    Nobody,
}

/// Keys are listened to as long as this lives; then the terminal is as it was.
pub struct Keys {
    before: Option<Termios>,
}

impl Keys {
    /// Calls `act` for every key that means something.
    ///
    /// On a terminal whose foreground belongs to this program, keys are taken as they are pressed and are not shown. In the background nothing
    /// is read, and elsewhere only if the run may pause (`pauses`): a pipe can say that it goes on.
    pub fn listen(pauses: bool, act: impl Fn(Key) + Send + 'static) -> Option<Self> {
        let terminal = io::stdin().is_terminal();
        let is_read = match terminal {
            true => is_in_foreground(),
            false => pauses,
        };
        if !is_read {
            act(Key::Nobody);
            return None;
        }
        let before = match terminal {
            true => Some(take_keys_singly()?),
            false => None,
        };
        let thread = std::thread::Builder::new().name("keys".to_owned());
        let spawned = thread.spawn(move || read_keys(terminal, act));
        let keys = Self { before };
        spawned.is_ok().then_some(keys)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
        }
    }
}

/// Whether reading from the terminal is this program's to do; of others it would stop the program.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdin().as_fd()).is_ok_and(|group| group == getpgrp())
}

/// Makes the terminal give each key at once and not show it; Ctrl-C and Ctrl-Z stay what they are.
fn take_keys_singly() -> Option<Termios> {
    let before = tcgetattr(io::stdin().as_fd()).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}

fn read_keys(terminal: bool, act: impl Fn(Key)) {
    let mut byte = [0];
    loop {
        match io::stdin().lock().read(&mut byte) {
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            _ => return act(Key::Nobody),
        }
        if let Some(key) = meaning(byte) {
            act(key);
        }
        // A shell that took the terminal back has sent this program to the background.
        if terminal && !is_in_foreground() {
            return;
        }
    }
}

const fn meaning([byte]: [u8; 1]) -> Option<Key> {
    match byte {
        b't' | b'T' => Some(Key::Tell),
        b'\n' | b'\r' => Some(Key::GoOn),
        _ => None,
    }
}

//! What is printed: the one door to standard output and standard error, where `--redact` masks.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use color_eyre::config::{HookBuilder, Theme};

use crate::domain::{
    Safe,
    mask::{self, Masks, Worn},
};

/// The masks of this process, where `--redact` asks for them.
static MASKS: OnceLock<Arc<Masks>> = OnceLock::new();

/// From now on everything printed is masked; as long as the answer lives, this thread also masks before
/// it cuts text or breaks it into lines.
pub fn redact() -> Worn {
    mask::wear(Some(MASKS.get_or_init(Arc::default).clone()))
}

/// The masks, where everything printed is masked.
pub fn masks() -> Option<Arc<Masks>> {
    MASKS.get().cloned()
}

/// The text as it may be printed.
fn said(text: &str) -> Cow<'_, str> {
    MASKS.get().map_or(Cow::Borrowed(text), |masks| masks.mask(text))
}

/// Has panics told through this door, each with its place and, where `RUST_BACKTRACE` asks for one, its
/// backtrace: in lines of ours, masked like all else, and with nothing in them that a terminal obeys.
pub fn tell_panics() {
    let (panics, errors) = HookBuilder::new().theme(Theme::new()).into_hooks();
    // Only a second call can fail, and the first one's hook is the same.
    let _ = errors.install();
    std::panic::set_hook(Box::new(move |panic| {
        // A terminal that is gone is no reason to panic again.
        let mut out = err();
        for line in panics.panic_report(panic).to_string().lines() {
            let _ = writeln!(out, "farshore: {}", Safe::new(line));
        }
    }));
}

/// Standard output, or standard error.
#[derive(Debug)]
pub struct Paper<W: Write> {
    to: W,
    /// A line that has not ended: what is masked is masked whole.
    line: Vec<u8>,
}

/// Standard output.
pub fn out() -> Paper<io::Stdout> {
    Paper { to: io::stdout(), line: Vec::new() }
}

/// Standard error.
pub fn err() -> Paper<io::Stderr> {
    Paper { to: io::stderr(), line: Vec::new() }
}

impl<W: Write> Paper<W> {
    fn print(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match std::str::from_utf8(&line) {
            Ok(text) => self.to.write_all(said(text).as_bytes()),
            Err(_) => self.to.write_all(said(&String::from_utf8_lossy(&line)).as_bytes()),
        }
    }
}

impl<W: Write> Write for Paper<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..=end]);
            self.print()?;
            rest = &rest[end + 1..];
        }
        self.line.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.print()?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Paper<W> {
    /// What has no end yet is printed all the same. Nobody is left to tell of an error.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    /// Tells the child process below that it is the one.
    const TASK: &str = "FARSHORE_PAPER_TASK";

    #[test]
    fn a_panic_is_told_in_our_words_masked_and_without_escapes() {
        if env::var_os(TASK).is_some() {
            let _worn = redact();
            tell_panics();
            panic!("on purpose\n\u{1b}[2J asked by kim@contoso.example");
        }
        let name = "runtime::paper::tests::a_panic_is_told_in_our_words_masked_and_without_escapes";
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env(TASK, "1").env_remove("RUST_BACKTRACE");
        let told = String::from_utf8(child.output().unwrap().stderr).unwrap();
        let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("farshore: ")).collect();
        let says = |words: &str| lines.iter().any(|line| line.contains(words));
        assert!(says("on purpose") && says("src/runtime/paper.rs:"), "{told}");
        assert!(says("<U+001B>[2J asked by user-"), "{told}");
        assert!(!told.contains('\x1b') && !told.contains("kim@"), "{told}");
    }
}

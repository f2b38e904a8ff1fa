//! Keys from the terminal, each with the time it was read at.

use std::{future::poll_fn, task::Poll, time::Duration};

use crossterm::event::{Event as TermEvent, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    app::{App, Event},
    ui::keymap::{self, Key},
};

use super::{
    flood::Flood,
    ground::{Ear, Heard},
    terminal::TerminalClock,
};

/// What came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Press {
        /// The key.
        key: Key,
        /// Terminal milliseconds at which it was read.
        at: u64,
    },
    /// A paste came. What it held is not kept.
    Paste,
    /// Ctrl-Z: the person wants the shell.
    Suspend,
    /// The terminal cannot be read any more.
    Lost,
}

impl Input {
    /// What it means to the app where it stands now; `None`: nothing, or something for the loop.
    pub fn event(&self, app: &App) -> Option<Event> {
        match self {
            Self::Press { key, .. } => keymap::intent(app, *key).map(Event::Intent),
            Self::Paste => Some(Event::PasteDiscarded),
            Self::Suspend | Self::Lost => None,
        }
    }

    /// When it was read; `None`: it carries no time of its own.
    pub fn at(&self) -> Option<u64> {
        match self {
            Self::Press { at, .. } => Some(*at),
            _ => None,
        }
    }
}

/// The keyboard. A person types at most some dozens of keys a second and a paste is one event, with
/// brackets or without, so the channel is unbounded: a key must never be dropped, and nothing can flood it.
#[derive(Debug)]
pub struct Keys {
    inbox: UnboundedReceiver<Input>,
    outbox: UnboundedSender<Input>,
    clock: TerminalClock,
    reader: Option<JoinHandle<()>>,
}

impl Keys {
    /// Starts to read, behind what was read before. Needs a tokio runtime.
    pub fn start(clock: TerminalClock, heard: Heard) -> Self {
        let (outbox, inbox) = unbounded_channel();
        for input in before(&heard.typed, clock.ms()) {
            // Its other end is in our hands.
            let _ = outbox.send(input);
        }
        let mut keys = Self { inbox, outbox, clock, reader: None };
        keys.read_on(heard.ear);
        keys
    }

    /// Stops reading, so that a shell can have the keyboard. What was read before is dropped.
    pub async fn pause(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
            // Two readers at once would share the keys between them: wait for its end.
            let _ = reader.await;
        }
        while self.inbox.try_recv().is_ok() {}
    }

    /// Reads again.
    pub fn resume(&mut self) {
        self.read_on(Ear::default());
    }

    fn read_on(&mut self, ear: Ear) {
        if self.reader.is_none() {
            let reader = read(EventStream::new(), ear, self.outbox.clone(), self.clock);
            self.reader = Some(tokio::spawn(reader));
        }
    }

    /// The next input.
    pub async fn next(&mut self) -> Input {
        self.inbox.recv().await.unwrap_or(Input::Lost)
    }

    /// What is there already.
    pub fn ready(&mut self) -> Option<Input> {
        self.inbox.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
        }
    }
}

/// What was typed before anybody listened: all of it comes at once, and a paste is none of it.
fn before(typed: &[TermEvent], at: u64) -> Vec<Input> {
    let typed = typed.iter().filter_map(|event| translate(event, at)).collect();
    Flood::default().sift(typed, at, at)
}

/// Inputs that are looked at together at most: a terminal that never pauses is heard all the same.
const BATCH: usize = 1_024;
/// For so long a key waits for another that came with it: the stream hands over what it read at once one by
/// one, each by way of its thread. A key is on the screen within 16 ms all the same.
const NEXT: Duration = Duration::from_millis(3);
/// So many at once may be the beginning of a paste.
const MANY: usize = 8;
/// For so long the next piece of it is waited for; nobody who types notices.
const PIECE: Duration = Duration::from_millis(30);

async fn read(mut stream: EventStream, mut ear: Ear, outbox: UnboundedSender<Input>, clock: TerminalClock) {
    let mut flood = Flood::default();
    while let Some(first) = stream.next().await {
        let (at, mut next, mut batch) = (clock.ms(), Some(first), Vec::new());
        let mut lost = false;
        // What was read together is looked at together: a paste is told by how much there is of it.
        while let Some(event) = next.take() {
            match event {
                Ok(event) => {
                    batch.extend(ear.hear(event, at).iter().filter_map(|event| translate(event, at)));
                    next = match batch.len() {
                        0 => there(&mut stream).await,
                        1..MANY => timeout(NEXT, stream.next()).await.ok().flatten(),
                        // A terminal hands a paste over in pieces, the first of which may be small.
                        MANY..BATCH => timeout(PIECE, stream.next()).await.ok().flatten(),
                        _ => None,
                    };
                }
                Err(_) => lost = true,
            }
        }
        for input in flood.sift(batch, at, clock.ms()) {
            if outbox.send(input).is_err() {
                return;
            }
        }
        if lost {
            break;
        }
    }
    let _ = outbox.send(Input::Lost);
}

/// What can be read without waiting. It is asked as the task that will wait: the stream wakes whoever asked
/// it first.
async fn there(stream: &mut EventStream) -> Option<std::io::Result<TermEvent>> {
    poll_fn(|context| match stream.poll_next_unpin(context) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Only presses count: releases and what a terminal itself calls a repeat are nothing. New sizes of
/// the window are told by [`super::signals`]: in a storm of them this reader may miss the last.
fn translate(event: &TermEvent, at: u64) -> Option<Input> {
    match event {
        TermEvent::Key(key) if key.kind == KeyEventKind::Press => match press(*key)? {
            Key::Ctrl('z') => Some(Input::Suspend),
            key => Some(Input::Press { key, at }),
        },
        TermEvent::Paste(_) => Some(Input::Paste),
        _ => None,
    }
}

fn press(event: KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) && !control {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_presses_are_keys_and_a_paste_leaves_no_text() {
        let key = |code, modifiers, kind| TermEvent::Key(KeyEvent::new_with_kind(code, modifiers, kind));
        let none = KeyModifiers::NONE;
        let check = |event, expected: Option<Input>| assert_eq!(translate(&event, 7), expected);
        let press = |key| Some(Input::Press { key, at: 7 });
        check(key(KeyCode::Enter, none, KeyEventKind::Press), press(Key::Enter));
        check(key(KeyCode::Enter, none, KeyEventKind::Repeat), None);
        check(key(KeyCode::Enter, none, KeyEventKind::Release), None);
        check(key(KeyCode::Char('C'), KeyModifiers::CONTROL, KeyEventKind::Press), press(Key::Ctrl('c')));
        check(key(KeyCode::Char('z'), KeyModifiers::CONTROL, KeyEventKind::Press), Some(Input::Suspend));
        check(key(KeyCode::Char('x'), KeyModifiers::ALT, KeyEventKind::Press), None);
        check(TermEvent::Paste("67\t\r".to_owned()), Some(Input::Paste));
        check(TermEvent::Resize(100, 30), None);
    }

    #[test]
    fn a_paste_into_the_first_moment_is_thrown_away_too() {
        let typed = |text: &str| -> Vec<TermEvent> {
            let key = |c| TermEvent::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
            text.chars().map(key).collect()
        };
        assert_eq!(before(&typed("q"), 7), [Input::Press { key: Key::Char('q'), at: 7 }]);
        assert_eq!(before(&typed("abcdefghijklmnopqrstuvwxyz"), 7), [Input::Paste]);
    }
}

//! The keys that work here, and dimmed with the whole reason those that do not just now.

use ratatui::layout::Rect;

use crate::app::{App, Intent, Motion, dialog::HelpDialog, screen::Filter};

use super::{
    keymap::{self, Binding},
    pen::{Pen, wrap},
    theme::Role,
    words,
};

/// Columns of the window at most.
const WIDTH: u16 = 72;
/// Column of what a key does, from the frame.
const TEXT: u16 = 13;

/// One line of the window: the key on the first line of what it does.
type Line = (String, String, Role);

pub(super) fn draw(app: &App, dialog: &HelpDialog, pen: &mut Pen<'_>) {
    let width = pen.width().min(WIDTH);
    let below = keymap::below(app);
    let all = app.keys.bindings();
    let here: Vec<&Binding> = all.iter().filter(|binding| binding.contexts.contains(below)).collect();
    let sought = dialog.filter.text();
    let found: Vec<&Binding> = here.iter().copied().filter(|binding| keymap::fits(binding, sought)).collect();
    let text = usize::from(width.saturating_sub(TEXT + 2));
    let mut lines: Vec<Line> = found.iter().flat_map(|binding| lines(app, binding, text)).collect();
    let mut words = words::found(sought).peekable();
    if words.peek().is_some() {
        lines.push((String::new(), "words and marks of the screens".to_owned(), Role::Title));
    }
    for (word, said) in words {
        let mut name = Some((*word).to_owned());
        let cut = wrap(said, text).into_iter();
        lines.extend(cut.map(|line| (name.take().unwrap_or_default(), line, Role::Text)));
    }
    if lines.is_empty() {
        lines.push((String::new(), "no key here fits; esc shows all".to_owned(), Role::Dim));
    }
    let most = pen.height().saturating_sub(2);
    let filtered = u16::from(dialog.filter != Filter::Off);
    let height = (lines.len() as u16 + 2 + filtered).min(most);
    let area = Rect::new((pen.width() - width) / 2, 1, width, height);
    let counted =
        if sought.is_empty() { String::new() } else { format!(": {} of {}", found.len(), here.len()) };
    pen.frame(area, &format!("keys that work here{counted}"), Role::Title);
    let top = area.y + 1 + filtered;
    if filtered > 0 {
        filter(&dialog.filter, area, pen);
    }
    let room = usize::from(height.saturating_sub(2 + filtered));
    let first = dialog.scroll.first(lines.len(), room);
    for (y, (key, text, role)) in (top..).zip(lines.iter().skip(first).take(room)) {
        let name = if *role == Role::Dim { Role::Dim } else { Role::Key };
        pen.text(area.x + 2, y, TEXT - 3, key, name);
        pen.text(area.x + TEXT, y, width - TEXT - 2, text, *role);
    }
    if lines.len() > room {
        let last = first + room;
        let (up, down) = (app.key(Intent::Move(Motion::PageUp)), app.key(Intent::Move(Motion::PageDown)));
        let more = if last < lines.len() { format!("{down}: more") } else { format!("{up}: back") };
        let words = format!(" {} to {last} of {}, {more} ", first + 1, lines.len());
        pen.right(area.right() - 2, area.bottom() - 1, &words, Role::Dim);
    }
}

/// What a key does, and why it does not just now, in lines.
fn lines(app: &App, binding: &Binding, width: usize) -> Vec<Line> {
    let (text, role) = match keymap::why_not(app, binding.intent) {
        None => (binding.help.to_owned(), Role::Text),
        Some(why) => (format!("{} ({why})", binding.help), Role::Dim),
    };
    let mut name = Some(binding.key.name());
    wrap(&text, width).into_iter().map(|line| (name.take().unwrap_or_default(), line, role)).collect()
}

/// The filter above the keys.
fn filter(filter: &Filter, area: Rect, pen: &mut Pen<'_>) {
    let (room, y) = (area.width.saturating_sub(4), area.y + 1);
    match filter {
        Filter::Off => {}
        Filter::Typing(field) => {
            let x = pen.text(area.x + 2, y, room, &format!("filter: {}", field.text()), Role::Key);
            pen.point(x, y);
        }
        Filter::On(field) => {
            pen.text(area.x + 2, y, room, &format!("filter: {}   esc: all", field.trimmed()), Role::Notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            Event, Intent, Motion, World,
            scene::{self, Weather, at},
        },
        ui::{Glyphs, keymap::BINDINGS, shots::shot},
    };

    const SIZES: [(u16, u16); 2] = [(80, 24), (60, 20)];

    fn press(app: &mut App, intents: &[Intent]) {
        for (count, intent) in intents.iter().enumerate() {
            app.update(Event::Intent(*intent), at(1_000 * (count as u64 + 1)));
        }
    }

    fn typed(text: &str) -> Vec<Intent> {
        text.chars().map(Intent::Type).collect()
    }

    /// The lines of the window, without its frame.
    fn inside(app: &mut App, size: (u16, u16)) -> Vec<String> {
        let text = shot(app, size, Glyphs::Box);
        let inner =
            text.lines().skip_while(|line| !line.contains('┌')).take_while(|line| !line.contains('└'));
        inner.filter_map(|line| line.split('│').nth(1).map(str::to_owned)).collect()
    }

    /// Everything that is read by going through the help line by line, without blanks.
    fn read(app: &mut App, size: (u16, u16)) -> String {
        press(app, &[Intent::Help]);
        let mut all: Vec<String> = inside(app, size);
        for _ in 0..90 {
            press(app, &[Intent::Move(Motion::Down)]);
            all.extend(inside(app, size).pop());
        }
        all.concat().replace(' ', "")
    }

    #[test]
    fn every_key_of_a_screen_is_read_whole_with_the_reason_why_it_does_nothing() {
        let screens: [&[Intent]; 9] = [
            &[Intent::Pane(1)],
            &[Intent::Pane(1), Intent::Enter],
            &[Intent::Pane(1), Intent::Enter, Intent::Enter],
            &[Intent::Pane(2)],
            &[Intent::Pane(3)],
            &[Intent::Pane(4)],
            &[Intent::Pane(5)],
            &[Intent::Pane(6)],
            &[Intent::Pane(7)],
        ];
        let mut reasons = 0;
        for (screen, size) in screens.iter().flat_map(|screen| SIZES.map(|size| (screen, size))) {
            let (mut app, _, _) = scene::running(scene::move_phase());
            press(&mut app, screen);
            let below = keymap::below(&app);
            let wanted: Vec<(String, Option<String>)> = BINDINGS
                .iter()
                .filter(|binding| binding.contexts.contains(below))
                .map(|binding| (binding.help.to_owned(), keymap::why_not(&app, binding.intent)))
                .collect();
            let all = read(&mut app, size);
            for (help, why) in wanted {
                reasons += usize::from(why.is_some());
                let whole = why.map_or(help.clone(), |why| format!("{help} ({why})")).replace(' ', "");
                assert!(all.contains(&whole), "{below:?} {size:?}: {whole}\n{all}");
            }
        }
        assert!(reasons > 20, "{reasons}");
    }

    #[test]
    fn the_filter_finds_keys_by_name_place_and_words() {
        let (mut app, _, _) = scene::running(scene::move_phase());
        press(&mut app, &[Intent::Help, Intent::Filter]);
        assert_eq!(keymap::context(&app), keymap::Context::Filter);
        let rows = |app: &mut App, sought: &str| {
            press(app, &[Intent::EraseAll]);
            press(app, &typed(sought));
            inside(app, SIZES[0])
        };
        for (sought, count, line) in [
            ("u", 1, "u          undo the step (no undo now)"),
            ("ctrl-e", 1, "ctrl-e     the pane takes the window"),
            ("WINDOW", 2, "+          the pane takes the window"),
            ("freeze the", 1, "z          freeze the display"),
            ("everywhere cancel", 1, "ctrl-c     cancel"),
            ("A", 1, "A          arm: let writes"),
            ("nothing-like-it", 1, "no key here fits; esc shows all"),
        ] {
            let found = rows(&mut app, sought);
            assert!(found[0].contains(&format!("filter: {sought}")), "{found:?}");
            assert_eq!(found.len(), count + 1, "{sought}: {found:?}");
            assert!(found[1].contains(line), "{sought}: {found:?}");
        }
        // Enter keeps it, escape drops it, a second one closes.
        rows(&mut app, "window");
        press(&mut app, &[Intent::Enter]);
        assert_eq!(keymap::context(&app), keymap::Context::Help);
        let screen = shot(&mut app, SIZES[0], Glyphs::Box);
        assert!(screen.contains("filter: window   esc: all"), "{screen}");
        assert!(screen.contains("keys that work here: 2 of "), "{screen}");
        press(&mut app, &[Intent::Escape]);
        assert!(shot(&mut app, SIZES[0], Glyphs::Box).contains("command line"));
        press(&mut app, &[Intent::Escape]);
        assert!(app.modals.is_empty());
    }

    #[test]
    fn the_end_of_the_help_is_one_key_away_and_so_is_the_line_before_it() {
        let mut app = scene::app(World::Live, Weather::Calm);
        press(&mut app, &[Intent::Help, Intent::Move(Motion::Last)]);
        let end = inside(&mut app, SIZES[1]);
        press(&mut app, &[Intent::Move(Motion::Up)]);
        let before = inside(&mut app, SIZES[1]);
        assert_ne!(end, before);
        press(&mut app, &[Intent::Move(Motion::Down), Intent::Move(Motion::Down)]);
        assert_eq!(inside(&mut app, SIZES[1]), end);
        press(&mut app, &[Intent::Move(Motion::First)]);
        assert!(inside(&mut app, SIZES[1])[0].contains("these keys"));
    }
}

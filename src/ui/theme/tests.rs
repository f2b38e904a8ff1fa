use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use super::*;

/// Files by name.
struct Files(BTreeMap<&'static str, &'static str>);

impl Shelf for Files {
    fn find(&self, name: &str) -> Result<Option<Source>, String> {
        if name == "broken" {
            return Err("broken.toml cannot be read: permission denied".to_owned());
        }
        let text = self.0.get(name);
        Ok(text.map(|text| Source { label: format!("{name}.toml"), text: (*text).to_owned() }))
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().map(|name| (*name).to_owned()).collect()
    }
}

fn with(files: &[(&'static str, &'static str)], name: &str) -> Result<Theme, String> {
    Theme::found(name, &Files(files.iter().copied().collect())).map_err(|errors| errors.to_string())
}

#[test]
fn every_theme_reads_and_the_base_names_every_role() {
    for name in names() {
        Theme::named(name).unwrap();
    }
    for base in ["default", "mono"] {
        let layer = file::read(&built_in(base).unwrap()).unwrap();
        for (role, word) in ROLES {
            assert!(layer.styles.contains_key(&role), "{base} lacks {word}");
        }
    }
}

#[test]
fn a_theme_of_ones_own_builds_on_those_that_are_compiled_in() {
    let night = ("night", "inherits = \"dark\"\n[roles]\ntitle = { fg = \"#ffffff\", bold = true }\n");
    let theme = with(&[night], "night").unwrap();
    let white = Style::new().fg(Color::Rgb(255, 255, 255)).add_modifier(Modifier::BOLD);
    assert_eq!(theme.style(Role::Title), white);
    let dark = Theme::named("dark").unwrap();
    assert_eq!(theme.style(Role::Bad), dark.style(Role::Bad));
    // A file may stand on another, and one named like a compiled-in theme stands on that.
    let later = ("later", "inherits = \"night\"\n[roles]\nbad = { fg = \"blue\" }\n");
    let theme = with(&[night, later], "later").unwrap();
    assert_eq!((theme.style(Role::Bad).fg, theme.style(Role::Title)), (Some(Color::Blue), white));
    let own = ("dark", "inherits = \"dark\"\n[roles]\nbad = { fg = \"blue\" }\n");
    let theme = with(&[own], "dark").unwrap();
    assert_eq!(
        (theme.style(Role::Bad).fg, theme.style(Role::Warn)),
        (Some(Color::Blue), dark.style(Role::Warn))
    );
    assert_eq!(with(&[own], "light").unwrap(), Theme::named("light").unwrap());
}

#[test]
fn mistakes_say_file_line_column_and_the_nearest_word() {
    let check = |text: &'static str, expected: &str| {
        assert_eq!(with(&[("mine", text)], "mine").unwrap_err(), expected);
    };
    check(
        "inherit = \"dark\"\n[roles]\nbadge-amred = {}\nbad = { fg = \"redd\", blod = true, bg = 3 }\ndim = { dim = 1 }\n",
        "mine.toml:1:1: unknown key \"inherit\"; nearest is \"inherits\"\n\
         mine.toml:3:1: unknown role \"badge-amred\"; nearest is \"badge-armed\"\n\
         mine.toml:4:14: unknown colour \"redd\": write a name, 0 to 255 or #rrggbb; nearest is \"red\"\n\
         mine.toml:4:22: unknown key of bad \"blod\"; nearest is \"bold\"\n\
         mine.toml:4:40: bg of bad is a colour in quotes\n\
         mine.toml:5:15: dim of dim is true or false",
    );
    check("[roles]\nbad = \"red\"\n", "mine.toml:2:7: bad is a table such as { fg = \"cyan\" }");
    check("inherits = \"mine\"\n", "mine.toml:1:12: \"mine\" inherits from itself");
    let all = "default, dark, light, high-contrast, colour-blind, mono, mine";
    check(
        "\n inherits = \"drak\"\n",
        &format!("mine.toml:2:13: no theme \"drak\"; there are {all}; nearest is \"dark\""),
    );
    let syntax = with(&[("mine", "[roles\n")], "mine").unwrap_err();
    assert!(syntax.starts_with("mine.toml:1:7: not valid TOML: "), "{syntax}");
    let unknown = with(&[("mine", "")], "minne").unwrap_err();
    assert_eq!(unknown, format!("no theme \"minne\"; there are {all}; nearest is \"mine\""));
    assert_eq!(with(&[], "broken").unwrap_err(), "broken.toml cannot be read: permission denied");
    let one = ("one", "inherits = \"two\"\n");
    let two = ("two", "# the other\ninherits = \"one\"\n");
    assert_eq!(with(&[one, two], "one").unwrap_err(), "two.toml:2:12: \"one\" inherits from itself");
}

#[test]
fn mono_has_no_colour_at_all() {
    let theme = Theme::named("mono").unwrap();
    for (role, name) in ROLES {
        let style = theme.style(role);
        assert_eq!((style.fg, style.bg), (None, None), "{name}");
    }
}

/// Relative luminance and contrast as WCAG 2 defines them.
fn contrast(one: (u8, u8, u8), two: (u8, u8, u8)) -> f64 {
    let part = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let light = |(r, g, b): (u8, u8, u8)| 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    let (high, low) = (light(one).max(light(two)), light(one).min(light(two)));
    (high + 0.05) / (low + 0.05)
}

/// Red, green, blue.
type Exact = (u8, u8, u8);

/// The themes in exact colours, with the backgrounds of terminals they are made for. Those that bring a
/// background of their own must stand on no other.
const GROUNDS: [(&str, &[Exact]); 4] = [
    ("dark", &[(0, 0, 0), (0x1e, 0x1e, 0x1e), (0x28, 0x2c, 0x34)]),
    ("light", &[(0xff, 0xff, 0xff), (0xfa, 0xfa, 0xfa), (0xfd, 0xf6, 0xe3)]),
    ("high-contrast", &[]),
    ("colour-blind", &[]),
];

#[test]
fn what_is_drawn_in_exact_colours_can_be_read() {
    for (name, grounds) in GROUNDS {
        let theme = Theme::named(name).unwrap();
        for (role, word) in ROLES {
            let style = theme.style(role);
            // Exact colours or the terminal's own, never one of the sixteen: nobody knows how those look.
            let fg = match style.fg {
                None | Some(Color::Reset) => continue,
                Some(Color::Rgb(r, g, b)) => (r, g, b),
                other => panic!("{name} {word}: {other:?}"),
            };
            let under = match style.bg {
                Some(Color::Rgb(r, g, b)) => &[(r, g, b)][..],
                None => grounds,
                other => panic!("{name} {word}: {other:?}"),
            };
            assert!(!under.is_empty(), "{name} {word} has no ground of its own");
            // Lines between parts carry no words; 3:1 is enough for them.
            let least = if role == Role::Rule { 3.0 } else { 4.5 };
            for ground in under {
                let found = contrast(fg, *ground);
                assert!(found >= least, "{name} {word} on {ground:?}: {found:.2}");
            }
        }
        // What is reversed has the same two colours; a ground without text colour would be a guess.
        for (role, word) in ROLES {
            let style = theme.style(role);
            assert!(style.bg.is_none() || style.fg.is_some(), "{name} {word}");
        }
    }
    let exact: Vec<&str> = GROUNDS.map(|(name, _)| name).to_vec();
    for name in names().filter(|name| !["default", "mono"].contains(name)) {
        assert!(exact.contains(&name), "{name} is not measured");
    }
}

/// Hue in degrees; `None`: a grey, or nearly one.
fn hue(r: u8, g: u8, b: u8) -> Option<f64> {
    let (r, g, b) = (f64::from(r), f64::from(g), f64::from(b));
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let span = high - low;
    if span < 32.0 {
        return None;
    }
    let sixth = if high - r < 0.5 {
        (g - b) / span
    } else if high - g < 0.5 {
        (b - r) / span + 2.0
    } else {
        (r - g) / span + 4.0
    };
    Some((sixth * 60.0).rem_euclid(360.0))
}

#[test]
fn nothing_in_colour_blind_is_red_or_green() {
    let theme = Theme::named("colour-blind").unwrap();
    for (role, word) in ROLES {
        let style = theme.style(role);
        for colour in [style.fg, style.bg].into_iter().flatten() {
            let Color::Rgb(r, g, b) = colour else { panic!("{word}: {colour:?}") };
            let Some(hue) = hue(r, g, b) else { continue };
            assert!((30.0..=65.0).contains(&hue) || (195.0..=280.0).contains(&hue), "{word}: {hue}");
        }
    }
    let hues = [Role::Good, Role::Bad].map(|role| match theme.style(role).fg {
        Some(Color::Rgb(r, g, b)) => hue(r, g, b).unwrap(),
        other => panic!("{other:?}"),
    });
    assert!((hues[0] - hues[1]).abs() > 120.0, "{hues:?}");
}

/// Exact colours of the shipped themes are among the 256, so that a terminal with those shows the same.
#[test]
fn a_terminal_with_256_colours_shows_the_same() {
    for (name, _) in GROUNDS {
        let theme = Theme::named(name).unwrap();
        let less = theme.clone().in_256();
        for (role, word) in ROLES {
            for (exact, index) in
                [(theme.style(role).fg, less.style(role).fg), (theme.style(role).bg, less.style(role).bg)]
            {
                let (Some(Color::Rgb(r, g, b)), Some(Color::Indexed(index))) = (exact, index) else {
                    assert_eq!(exact, index, "{name} {word}");
                    continue;
                };
                let step = |part: u8| [0, 95, 135, 175, 215, 255][usize::from(part)];
                let seen = if index >= 232 {
                    [8 + 10 * (index - 232); 3].into()
                } else {
                    let at = index - 16;
                    (step(at / 36), step(at / 6 % 6), step(at % 6))
                };
                assert_eq!((r, g, b), seen, "{name} {word}");
            }
        }
    }
}

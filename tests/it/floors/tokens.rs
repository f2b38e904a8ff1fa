//! Rust text reduced to what the floors need: tokens with lines, paths and test regions.

/// A token: an identifier, `::`, or one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path that is written somewhere, fully spelled as far as the file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Segments; a glob ends in `*`.
    pub segments: Vec<String>,
    pub line: usize,
    /// Nesting of inline modules at that place.
    pub inside: Vec<String>,
    /// Whether it was renamed to something other than `_`.
    pub renamed: bool,
    /// Whether it stands in a `use`.
    pub imported: bool,
    /// What follows it: `!` for a macro call.
    pub followed_by: String,
}

/// Blanks comments, strings and characters; lines stay where they are.
pub fn strip(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(&bytes, at);
        if end > at {
            out.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` if none begins there.
fn literal_end(text: &[char], at: usize) -> usize {
    let next = text.get(at + 1).copied().unwrap_or(' ');
    let in_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        '/' if next == '/' => text[at..].iter().position(|c| *c == '\n').map_or(text.len(), |n| at + n),
        '/' if next == '*' => block_comment_end(text, at),
        '"' => string_end(text, at),
        'r' | 'b' | 'c' if !in_word => raw_end(text, at).unwrap_or(at),
        // A character, but not a lifetime.
        '\'' if next == '\\' => {
            text[at + 3..].iter().position(|c| *c == '\'').map_or(text.len(), |n| at + n + 4)
        }
        '\'' if text.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut place = at;
    while place < text.len() {
        match (text[place], text.get(place + 1)) {
            ('/', Some('*')) => (depth, place) = (depth + 1, place + 2),
            ('*', Some('/')) => (depth, place) = (depth - 1, place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            return place;
        }
    }
    text.len()
}

fn string_end(text: &[char], at: usize) -> usize {
    let mut place = at + 1;
    while place < text.len() {
        match text[place] {
            '\\' => place += 2,
            '"' => return place + 1,
            _ => place += 1,
        }
    }
    text.len()
}

/// End of `r"…"`, `br#"…"#`, `b"…"`, `c"…"`.
fn raw_end(text: &[char], at: usize) -> Option<usize> {
    let mut place = at;
    while place < at + 2 && matches!(text.get(place), Some('r' | 'b' | 'c')) {
        place += 1;
    }
    let raw = text[at..place].contains(&'r');
    let hashes = text[place..].iter().take_while(|c| **c == '#').count();
    if text.get(place + hashes) != Some(&'"') || (hashes > 0 && !raw) {
        return None;
    }
    if !raw {
        return Some(string_end(text, place));
    }
    let mut place = place + hashes + 1;
    while place < text.len() {
        if text[place] == '"' && text[place + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(place + 1 + hashes);
        }
        place += 1;
    }
    Some(text.len())
}

/// Tokens of stripped text.
pub fn tokens(stripped: &str) -> Vec<Token> {
    let mut all = Vec::new();
    for (number, line) in stripped.lines().enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let start = at;
            if chars[at].is_whitespace() {
                at += 1;
                continue;
            }
            if chars[at].is_alphanumeric() || chars[at] == '_' {
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
            } else if chars[at] == ':' && chars.get(at + 1) == Some(&':') {
                at += 2;
            } else {
                at += 1;
            }
            all.push(Token { text: chars[start..at].iter().collect(), line: number + 1 });
        }
    }
    all
}

/// Every path in the tokens: use trees spelled out, and paths inside code and macros.
pub fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut all = Vec::new();
    let mut inside: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    while at < tokens.len() {
        match text(at) {
            "mod" if text(at + 2) == "{" => {
                inside.push((text(at + 1).to_owned(), depth));
                depth += 1;
                at += 3;
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inside.pop_if(|(_, opened)| *opened == depth);
            }
            "use" if text(at + 1) != "<" => {
                let nesting: Vec<String> = inside.iter().map(|(name, _)| name.clone()).collect();
                at = use_tree(tokens, at + 1, &Vec::new(), &nesting, &mut all);
                continue;
            }
            word if is_word(word) && text(at + 1) == "::" && (at == 0 || text(at - 1) != "::") => {
                let nesting: Vec<String> = inside.iter().map(|(name, _)| name.clone()).collect();
                at = inline_path(tokens, at, nesting, &mut all);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    all
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn inline_path(tokens: &[Token], start: usize, inside: Vec<String>, all: &mut Vec<Path>) -> usize {
    let mut segments = vec![tokens[start].text.clone()];
    let mut at = start + 1;
    while tokens.get(at).is_some_and(|token| token.text == "::")
        && tokens.get(at + 1).is_some_and(|token| is_word(&token.text))
    {
        segments.push(tokens[at + 1].text.clone());
        at += 2;
    }
    all.push(Path {
        segments,
        line: tokens[start].line,
        inside,
        renamed: false,
        imported: false,
        followed_by: tokens.get(at).map_or(String::new(), |token| token.text.clone()),
    });
    at
}

/// One branch of a use tree that begins at `at`; returns the place after it.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    inside: &[String],
    all: &mut Vec<Path>,
) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    let mut renamed = false;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = use_tree(tokens, at, &segments, inside, all);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                renamed = tokens.get(at + 1).is_some_and(|name| name.text != "_");
                at += 2;
            }
            "," | "}" | ";" => break,
            word => {
                // `{self}` means the module the group belongs to.
                if word != "self" || segments.is_empty() {
                    segments.push(word.to_owned());
                }
                at += 1;
            }
        }
    }
    let path =
        Path { segments, line, inside: inside.to_vec(), renamed, imported: true, followed_by: String::new() };
    all.push(path);
    at
}

/// Lines of `#[cfg(test)] mod … { … }`, first and last included.
pub fn test_regions(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut regions = Vec::new();
    for at in test_modules(tokens) {
        let Some(open) = (at..tokens.len()).find(|&place| matches!(tokens[place].text.as_str(), "{" | ";"))
        else {
            continue;
        };
        if tokens[open].text == ";" {
            continue;
        }
        let mut depth = 0_usize;
        for token in &tokens[open..] {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                regions.push((tokens[at].line, token.line));
                break;
            }
        }
    }
    regions
}

/// Names of modules in files of their own that are built for tests only.
pub fn test_files(tokens: &[Token]) -> Vec<String> {
    test_modules(tokens)
        .filter_map(|at| {
            let word =
                (at..at + 12).find(|&place| tokens.get(place).is_some_and(|token| token.text == "mod"))?;
            (tokens.get(word + 2)?.text == ";").then(|| tokens[word + 1].text.clone())
        })
        .collect()
}

/// Places of `#[cfg(test)]` that stand before a module.
fn test_modules(tokens: &[Token]) -> impl Iterator<Item = usize> {
    const CFG: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    (0..tokens.len()).filter(|&at| {
        let fits = CFG
            .iter()
            .enumerate()
            .all(|(n, word)| tokens.get(at + n).is_some_and(|token| token.text == *word));
        let after = tokens.get(at + CFG.len()).map_or("", |token| token.text.as_str());
        fits && matches!(after, "mod" | "pub" | "#")
    })
}

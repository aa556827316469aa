/// A word of the selector language (Jakarta Messaging 3.1, 3.8.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Name(&'a str),
    /// A decimal integer without its sign: up to 2^63, which only a minus makes a long.
    Decimal(u64),
    /// A hexadecimal or octal integer: the bits of a long.
    Bits(u64),
    Float(f64),
    /// What stands between the quotes, quotes inside still doubled.
    Text(&'a str),
    And,
    Between,
    Escape,
    False,
    In,
    Is,
    Like,
    Not,
    Null,
    Or,
    True,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Open,
    Close,
    Comma,
    /// No word of the language; with what it should have been, if that is clear.
    Malformed(Option<&'static str>),
    End,
}

/// A token and where it stands: byte offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const KEYWORDS: [(&str, Token<'static>); 11] = [
    ("AND", Token::And),
    ("BETWEEN", Token::Between),
    ("ESCAPE", Token::Escape),
    ("FALSE", Token::False),
    ("IN", Token::In),
    ("IS", Token::Is),
    ("LIKE", Token::Like),
    ("NOT", Token::Not),
    ("NULL", Token::Null),
    ("OR", Token::Or),
    ("TRUE", Token::True),
];

/// The token at or after a position that is a character boundary.
pub(crate) fn next_token(text: &str, from: usize) -> Lexeme<'_> {
    let rest = text[from..].trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
    let start = text.len() - rest.len();
    let (token, length) = match rest.chars().next() {
        None => (Token::End, 0),
        Some('\'') => string(rest),
        Some(c) if is_name_start(c) => name(rest),
        Some('0'..='9') => number(rest),
        Some('.') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(rest),
        Some(c) => symbol(rest).unwrap_or((Token::Malformed(None), c.len_utf8())),
    };
    Lexeme { token, start, end: start + length }
}

fn string(rest: &str) -> (Token<'_>, usize) {
    let mut from = 1;
    while let Some(quote) = rest[from..].find('\'') {
        let after = from + quote + 1;
        if !rest[after..].starts_with('\'') {
            return (Token::Text(&rest[1..after - 1]), after);
        }
        from = after + 1;
    }
    (Token::Malformed(Some("a closing quote")), rest.len())
}

fn name(rest: &str) -> (Token<'_>, usize) {
    let word = &rest[..name_length(rest)];
    let keyword = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
    (keyword.map_or(Token::Name(word), |(_, token)| *token), word.len())
}

fn symbol(rest: &str) -> Option<(Token<'static>, usize)> {
    let two = match rest.get(..2) {
        Some("<>") => Some(Token::NotEqual),
        Some("<=") => Some(Token::LessEqual),
        Some(">=") => Some(Token::GreaterEqual),
        _ => None,
    };
    if let Some(token) = two {
        return Some((token, 2));
    }
    let token = match rest.chars().next()? {
        '=' => Token::Equal,
        '<' => Token::Less,
        '>' => Token::Greater,
        '+' => Token::Plus,
        '-' => Token::Minus,
        '*' => Token::Star,
        '/' => Token::Slash,
        '(' => Token::Open,
        ')' => Token::Close,
        ',' => Token::Comma,
        _ => return None,
    };
    Some((token, 1))
}

/// Java's number literals, without hexadecimal floats and underscores.
fn number(rest: &str) -> (Token<'_>, usize) {
    let bytes = rest.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let mut end = if hex {
        2 + bytes[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count()
    } else {
        let whole = digits(0);
        if bytes.get(whole) == Some(&b'.') { digits(whole + 1) } else { whole }
    };
    if !hex && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(signed).is_some_and(u8::is_ascii_digit) {
            end = digits(signed);
        }
    }
    let length = end + name_length(&rest[end..]);
    let (body, suffix) = (&rest[..end], &rest[end..length]);
    let token = if hex { hexadecimal(body, suffix) } else { decimal(body, suffix) };
    (token.unwrap_or(Token::Malformed(Some("a long or a double"))), length)
}

fn hexadecimal(body: &str, suffix: &str) -> Option<Token<'static>> {
    if !matches!(suffix, "" | "l" | "L") {
        return None;
    }
    u64::from_str_radix(&body[2..], 16).ok().map(Token::Bits)
}

fn decimal(body: &str, suffix: &str) -> Option<Token<'static>> {
    let exact = body.bytes().all(|byte| byte.is_ascii_digit());
    let finite = |value: &f64| value.is_finite();
    match suffix {
        "" | "l" | "L" if exact && body.len() > 1 && body.starts_with('0') => {
            u64::from_str_radix(body, 8).ok().map(Token::Bits)
        }
        "" | "l" | "L" if exact => body.parse().ok().map(Token::Decimal),
        "" | "d" | "D" => body.parse().ok().filter(finite).map(Token::Float),
        "f" | "F" => body.parse::<f32>().ok().map(f64::from).filter(finite).map(Token::Float),
        _ => None,
    }
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !is_name_start(c) && !c.is_alphanumeric()).unwrap_or(text.len())
}

/// Near enough to Java's `isJavaIdentifierStart`: letters, `_` and `$`.
fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '$')
}

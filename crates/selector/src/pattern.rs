/// The pattern of a LIKE, read once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) pieces: Box<[Piece]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// This character.
    Char(char),
    /// `_`: any one character.
    One,
    /// `%`: any number of characters, none included.
    Many,
}

impl Pattern {
    /// Reads a pattern. The escape character takes the special meaning from `_`, `%` and itself; before
    /// anything else it stands for itself.
    pub(crate) fn new(text: &str, escape: Option<char>) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let escaped = if Some(c) == escape {
                chars.next_if(|&next| matches!(next, '_' | '%') || Some(next) == escape)
            } else {
                None
            };
            match (escaped, c) {
                (Some(literal), _) => pieces.push(Piece::Char(literal)),
                (None, '_') => pieces.push(Piece::One),
                // A run of % is one: a second would only repeat the search.
                (None, '%') if pieces.last() == Some(&Piece::Many) => {}
                (None, '%') => pieces.push(Piece::Many),
                (None, _) => pieces.push(Piece::Char(c)),
            }
        }
        Self { pieces: pieces.into() }
    }

    /// Whether the whole text fits. A mismatch goes back to the last `%` only: what the earlier ones took was
    /// the shortest possible, so longer cannot help. At most length of pattern × length of text steps.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry = None;
        loop {
            let piece = self.pieces.get(at);
            if piece == Some(&Piece::Many) {
                at += 1;
                if at == self.pieces.len() {
                    return true;
                }
                retry = Some((at, rest.clone()));
                continue;
            }
            let fits = match (piece, rest.next()) {
                (None, None) => return true,
                // Even with the shortest possible choices the text is too short.
                (Some(_), None) => return false,
                (Some(Piece::Char(wanted)), Some(c)) => *wanted == c,
                (Some(_), Some(_)) => true,
                (None, Some(_)) => false,
            };
            if fits {
                at += 1;
            } else {
                let Some((start, from)) = &mut retry else { return false };
                from.next();
                at = *start;
                rest = from.clone();
            }
        }
    }
}

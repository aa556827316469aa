use crate::expr::{Comparison, Expr, Operation};
use crate::lexer::{Lexeme, Token, next_token};
use crate::pattern::Pattern;
use crate::{MAX_DEPTH, MAX_LIST, MAX_PATTERN, ParseError};

/// Characters of the text that an error quotes at most.
const QUOTED: usize = 32;

const VALUE: &str = "a property, a literal, NOT, a sign or (";
const CONDITION: &str = "a condition";
const NUMBER: &str = "a number or a property";
const LONG: &str = "a long";
const STRING: &str = "a string in single quotes";
const OPERATOR: &str = "an operator or the end of the selector";

/// How tightly an operator binds, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Equality,
    Relation,
    Sum,
    Product,
    Sign,
}

/// An operator-precedence parser with one token of look-ahead.
pub(crate) struct Parser<'a> {
    text: &'a str,
    current: Lexeme<'a>,
    /// Where the token before the current one ended.
    consumed: usize,
    depth: usize,
    /// Pieces of all patterns so far.
    pieces: usize,
}

/// What was read as the operand of something.
struct Operand {
    expr: Expr,
    /// Levels of the tree, 1 for a leaf.
    height: usize,
    /// Where it stands, its brackets included.
    start: usize,
    end: usize,
}

type Parsed<T = Operand> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str, from: usize) -> Self {
        Self { text, current: next_token(text, from), consumed: from, depth: 0, pieces: 0 }
    }

    /// The whole text as one condition.
    pub(crate) fn selector(mut self) -> Parsed<Expr> {
        let root = self.expression(Binding::Or)?;
        if self.current.token != Token::End {
            return Err(self.unexpected(OPERATOR));
        }
        Ok(self.condition(root)?.expr)
    }

    /// An operand and every operator behind it that binds at least as tightly.
    fn expression(&mut self, loosest: Binding) -> Parsed {
        if self.depth == MAX_DEPTH {
            return Err(ParseError::TooDeep { position: self.current.start });
        }
        self.depth += 1;
        let mut left = self.prefix()?;
        while let Some(binding) = infix(self.current.token).filter(|binding| *binding >= loosest) {
            left = match binding {
                Binding::Or => self.chain(left, Token::Or, Binding::And, Expr::Or)?,
                Binding::And => self.chain(left, Token::And, Binding::Not, Expr::And)?,
                Binding::Equality => self.equality(left)?,
                Binding::Not | Binding::Relation => self.relation(left)?,
                Binding::Sum => self.arithmetic(left, Binding::Product)?,
                Binding::Product | Binding::Sign => self.arithmetic(left, Binding::Sign)?,
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Parsed {
        let Lexeme { token, start, .. } = self.current;
        let expr = match token {
            Token::Not => {
                self.advance();
                let operand = self.expression(Binding::Not)?;
                return self.negation(true, start, operand);
            }
            Token::Plus | Token::Minus => return self.sign(token == Token::Minus),
            Token::Open => {
                self.advance();
                let inner = self.expression(Binding::Or)?;
                self.expect(Token::Close, "an operator or )")?;
                return Ok(Operand { start, end: self.consumed, ..inner });
            }
            Token::Name(name) => return self.property(name),
            Token::Text(_) => Expr::Text(self.string()?),
            Token::True | Token::False => {
                self.advance();
                Expr::Bool(token == Token::True)
            }
            _ => {
                let expected = if let Token::Decimal(_) = token { LONG } else { VALUE };
                let expr = literal(token, false).ok_or_else(|| self.unexpected(expected))?;
                self.advance();
                expr
            }
        };
        Ok(self.leaf(expr, start))
    }

    /// A signed number literal is one literal: 2^63 exists only with its minus.
    fn sign(&mut self, negative: bool) -> Parsed {
        let start = self.advance().start;
        if let Some(expr) = literal(self.current.token, negative) {
            self.advance();
            return Ok(self.leaf(expr, start));
        }
        let operand = self.expression(Binding::Sign)?;
        let operand = self.number(operand)?;
        let expr = Expr::Sign { negative, operand: Box::new(operand.expr) };
        self.node(expr, operand.height, start)
    }

    fn property(&mut self, name: &'a str) -> Parsed {
        let start = self.advance().start;
        if let Token::Text(_) = self.current.token {
            let function = ["XPATH", "XQUERY"].into_iter().find(|function| function.eq_ignore_ascii_case(name));
            if let Some(function) = function {
                return Err(ParseError::BodyQuery { position: start, function });
            }
        }
        Ok(self.leaf(Expr::Property(name.into()), start))
    }

    /// AND or OR between two or more conditions.
    fn chain(&mut self, left: Operand, token: Token<'_>, next: Binding, node: fn(Vec<Expr>) -> Expr) -> Parsed {
        let left = self.condition(left)?;
        let (start, mut height) = (left.start, left.height);
        let mut operands = vec![left.expr];
        while self.current.token == token {
            self.advance();
            let operand = self.expression(next)?;
            let operand = self.condition(operand)?;
            height = height.max(operand.height);
            operands.push(operand.expr);
        }
        self.node(node(operands), height, start)
    }

    fn equality(&mut self, left: Operand) -> Parsed {
        let comparison = match self.advance().token {
            Token::Equal => Comparison::Equal,
            Token::NotEqual => Comparison::NotEqual,
            _ => return self.is_null(left),
        };
        let right = self.expression(Binding::Relation)?;
        let (height, start) = (left.height.max(right.height), left.start);
        self.node(Expr::Compare(comparison, Box::new([left.expr, right.expr])), height, start)
    }

    fn is_null(&mut self, left: Operand) -> Parsed {
        let negated = self.eat(Token::Not);
        self.expect(Token::Null, if negated { "NULL" } else { "NULL or NOT NULL" })?;
        let start = left.start;
        let expr = Expr::IsNull(self.name(left)?);
        self.negation(negated, start, self.leaf(expr, start))
    }

    fn relation(&mut self, left: Operand) -> Parsed {
        let negated = self.eat(Token::Not);
        let start = left.start;
        let comparison = match self.current.token {
            Token::Between => return self.between(left, negated),
            Token::In => {
                let expr = self.in_list(left)?;
                return self.negation(negated, start, self.leaf(expr, start));
            }
            Token::Like => {
                let expr = self.like(left)?;
                return self.negation(negated, start, self.leaf(expr, start));
            }
            Token::Less if !negated => Comparison::Less,
            Token::LessEqual if !negated => Comparison::LessEqual,
            Token::Greater if !negated => Comparison::Greater,
            Token::GreaterEqual if !negated => Comparison::GreaterEqual,
            _ => return Err(self.unexpected("BETWEEN, IN or LIKE")),
        };
        let left = self.number(left)?;
        self.advance();
        let right = self.expression(Binding::Sum)?;
        let right = self.number(right)?;
        let height = left.height.max(right.height);
        self.node(Expr::Compare(comparison, Box::new([left.expr, right.expr])), height, start)
    }

    fn between(&mut self, value: Operand, negated: bool) -> Parsed {
        let value = self.number(value)?;
        self.advance();
        let low = self.expression(Binding::Sum)?;
        let low = self.number(low)?;
        self.expect(Token::And, "AND")?;
        let high = self.expression(Binding::Sum)?;
        let high = self.number(high)?;
        let height = value.height.max(low.height).max(high.height);
        let operands = Box::new([value.expr, low.expr, high.expr]);
        self.node(Expr::Between { negated, operands }, height, value.start)
    }

    fn in_list(&mut self, left: Operand) -> Parsed<Expr> {
        let property = self.name(left)?;
        self.advance();
        self.expect(Token::Open, "(")?;
        let mut values = vec![self.string()?];
        while self.eat(Token::Comma) {
            if values.len() == MAX_LIST {
                return Err(ParseError::ListTooLong { position: self.current.start });
            }
            values.push(self.string()?);
        }
        self.expect(Token::Close, ", or )")?;
        values.sort_unstable();
        values.dedup();
        Ok(Expr::In { property, values: values.into() })
    }

    fn like(&mut self, left: Operand) -> Parsed<Expr> {
        let property = self.name(left)?;
        self.advance();
        let position = self.current.start;
        let pattern = self.string()?;
        let mut escape = None;
        if self.eat(Token::Escape) {
            let start = self.current.start;
            let text = self.string()?;
            let mut chars = text.chars();
            escape = chars.next();
            if escape.is_none() || chars.next().is_some() {
                return Err(self.mismatch(start, self.consumed, "a string of one character"));
            }
        }
        let pattern = Pattern::new(&pattern, escape);
        self.pieces += pattern.pieces.len();
        if self.pieces > MAX_PATTERN {
            return Err(ParseError::PatternTooLong { position });
        }
        Ok(Expr::Like { property, pattern })
    }

    fn arithmetic(&mut self, left: Operand, next: Binding) -> Parsed {
        let left = self.number(left)?;
        let operation = match self.advance().token {
            Token::Plus => Operation::Add,
            Token::Minus => Operation::Subtract,
            Token::Star => Operation::Multiply,
            _ => Operation::Divide,
        };
        let right = self.expression(next)?;
        let right = self.number(right)?;
        let height = left.height.max(right.height);
        self.node(Expr::Arithmetic(operation, Box::new([left.expr, right.expr])), height, left.start)
    }

    fn negation(&self, negated: bool, start: usize, operand: Operand) -> Parsed {
        if !negated {
            return Ok(operand);
        }
        let operand = self.condition(operand)?;
        self.node(Expr::Not(Box::new(operand.expr)), operand.height, start)
    }

    /// A node over operands of this height. Chains of left-associative operators grow the tree without
    /// recursion here, so its height is counted beside the depth.
    fn node(&self, expr: Expr, height: usize, start: usize) -> Parsed {
        if height == MAX_DEPTH {
            return Err(ParseError::TooDeep { position: start });
        }
        Ok(Operand { expr, height: height + 1, start, end: self.consumed })
    }

    fn leaf(&self, expr: Expr, start: usize) -> Operand {
        Operand { expr, height: 1, start, end: self.consumed }
    }

    fn condition(&self, operand: Operand) -> Parsed {
        if operand.expr.may_be_condition() {
            Ok(operand)
        } else {
            Err(self.mismatch(operand.start, operand.end, CONDITION))
        }
    }

    fn number(&self, operand: Operand) -> Parsed {
        if operand.expr.may_be_number() { Ok(operand) } else { Err(self.mismatch(operand.start, operand.end, NUMBER)) }
    }

    fn name(&self, operand: Operand) -> Parsed<Box<str>> {
        match operand.expr {
            Expr::Property(name) => Ok(name),
            _ => Err(self.mismatch(operand.start, operand.end, "a property on the left")),
        }
    }

    fn string(&mut self) -> Parsed<Box<str>> {
        let Token::Text(raw) = self.current.token else { return Err(self.unexpected(STRING)) };
        self.advance();
        Ok(raw.replace("''", "'").into())
    }

    fn expect(&mut self, token: Token<'_>, expected: &'static str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn eat(&mut self, token: Token<'_>) -> bool {
        let found = self.current.token == token;
        if found {
            self.advance();
        }
        found
    }

    /// Steps over the current token and gives it.
    fn advance(&mut self) -> Lexeme<'a> {
        let next = next_token(self.text, self.current.end);
        self.consumed = self.current.end;
        std::mem::replace(&mut self.current, next)
    }

    /// The current token is not what the grammar wants.
    fn unexpected(&self, expected: &'static str) -> ParseError {
        let Lexeme { token, start, end } = self.current;
        let found = if token == Token::End { "the end".to_owned() } else { self.quote(start, end) };
        let expected = if let Token::Malformed(Some(meant)) = token { meant } else { expected };
        ParseError::Unexpected { position: start, found, expected }
    }

    /// What was read there is not of the wanted kind.
    fn mismatch(&self, start: usize, end: usize, expected: &'static str) -> ParseError {
        ParseError::Unexpected { position: start, found: self.quote(start, end), expected }
    }

    fn quote(&self, start: usize, end: usize) -> String {
        let found = &self.text[start..end];
        match found.char_indices().nth(QUOTED) {
            Some((cut, _)) => format!("{}…", &found[..cut]),
            None => found.to_owned(),
        }
    }
}

/// How a token binds behind an operand. NOT can only be that of NOT BETWEEN, NOT IN or NOT LIKE.
fn infix(token: Token<'_>) -> Option<Binding> {
    Some(match token {
        Token::Or => Binding::Or,
        Token::And => Binding::And,
        Token::Equal | Token::NotEqual | Token::Is => Binding::Equality,
        Token::Less | Token::LessEqual | Token::Greater | Token::GreaterEqual => Binding::Relation,
        Token::Between | Token::In | Token::Like | Token::Not => Binding::Relation,
        Token::Plus | Token::Minus => Binding::Sum,
        Token::Star | Token::Slash => Binding::Product,
        _ => return None,
    })
}

/// A number literal with its sign; `None` if it is no number, or no long.
fn literal(token: Token<'_>, negative: bool) -> Option<Expr> {
    match token {
        Token::Decimal(magnitude) if negative => 0i64.checked_sub_unsigned(magnitude).map(Expr::Int),
        Token::Decimal(magnitude) => i64::try_from(magnitude).ok().map(Expr::Int),
        Token::Bits(bits) if negative => Some(Expr::Int(bits.cast_signed().wrapping_neg())),
        Token::Bits(bits) => Some(Expr::Int(bits.cast_signed())),
        Token::Float(value) => Some(Expr::Float(if negative { -value } else { value })),
        _ => None,
    }
}

//! What is put into search filters, and what is read out of names (RFC 4515, RFC 4514).

use ldap3::{ldap_escape, ldap_unescape, parse_filter};

use crate::Error;

/// A filter with places for values.
#[derive(Clone, Debug)]
pub(super) struct Template(String);

impl Template {
    /// # Errors
    /// When it is no filter even with harmless values.
    pub(super) fn new(key: &'static str, text: &str) -> Result<Self, Error> {
        let template = Self(text.to_owned());
        match parse_filter(template.fill(&["x", "x"])) {
            Ok(_) => Ok(template),
            Err(()) => Err(Error::Filter { key, filter: text.to_owned() }),
        }
    }

    /// The filter with `{0}` and `{1}` replaced in one pass, so that a value that looks like a place stays a value.
    pub(super) fn fill(&self, values: &[&str]) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let place = (0..values.len()).find(|n| rest.starts_with(&format!("{{{n}}}")));
            match place {
                Some(n) => out.push_str(&ldap_escape(values[n])),
                None => out.push('{'),
            }
            rest = &rest[if place.is_some() { 3 } else { 1 }..];
        }
        out + rest
    }

    /// The attribute that is compared with `{0}`.
    pub(super) fn attribute(&self) -> Result<&str, Error> {
        let wrong = || Error::NoAttribute(self.0.clone());
        let before = &self.0[..self.0.find("={0})").ok_or_else(wrong)?];
        let item = &before[before.rfind('(').map_or(0, |at| at + 1)..];
        // Behind these are options and matching rules.
        let name = item.split([':', ';']).next().unwrap_or_default().trim();
        let spelled = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if name.is_empty() || !spelled { Err(wrong()) } else { Ok(name) }
    }
}

/// The name of the group that `value` is: what stands in its first part if it is the distinguished name of a group
/// below `base`, else itself.
pub(super) fn group_name(value: &str, attribute: &str, base: Option<&str>) -> String {
    let of_group = |base: &str| {
        let end = first_part_end(value)?;
        let (kind, name) = value[..end].split_once('=')?;
        let rest = folded(&value[end + 1..]);
        let base = folded(base);
        let below = rest == base || rest.strip_suffix(&base).is_some_and(|front| front.ends_with(','));
        (below && kind.trim().eq_ignore_ascii_case(attribute)).then(|| unescaped(name.trim()))?
    };
    base.and_then(of_group).unwrap_or_else(|| value.to_owned())
}

/// Where the first part of a distinguished name ends; `None` if it is the only one, or has several values.
fn first_part_end(name: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in name.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '+' => return None,
            ',' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Case, and spaces around separators, do not count.
fn folded(name: &str) -> String {
    name.split(',').map(|part| part.trim().to_lowercase()).collect::<Vec<_>>().join(",")
}

/// `\,` and `\2C` are a comma. `None` if that gives no text.
fn unescaped(value: &str) -> Option<String> {
    let mut hexadecimal = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek().is_some_and(char::is_ascii_hexdigit) => hexadecimal.push('\\'),
            '\\' => hexadecimal.push_str(&ldap_escape(characters.next()?.to_string())),
            c => hexadecimal.push(c),
        }
    }
    ldap_unescape(hexadecimal).ok().map(|text| text.into_owned())
}

/// The one of `values` that a search for `given` found: matching rules pass over case and repeated spaces (RFC 4518).
pub(super) fn meant<'a>(values: &'a [String], given: &str) -> Option<&'a String> {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    match values {
        [only] => Some(only),
        several => several.iter().find(|value| folded(value) == folded(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::new("user_search_matching", text).unwrap()
    }

    #[test]
    fn values_stay_values() {
        let filter = template("(&(uid={0})(cn={1}))");
        assert_eq!(filter.fill(&["alice", "{0}"]), "(&(uid=alice)(cn={0}))");
        assert_eq!(filter.fill(&["*", "x)(uid=*\\\0"]), r"(&(uid=\2a)(cn=x\29\28uid=\2a\5c\00))");
        assert_eq!(template("(cn=a{b{0})").fill(&["é"]), "(cn=a{bé)");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in ["", "(uid={0}", "(&(uid={0})", "({0})"] {
            assert!(Template::new("user_search_matching", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_attribute_of_the_name() {
        for (filter, attribute) in [
            ("(uid={0})", "uid"),
            ("(&(objectClass=person)(sAMAccountName={0}))", "sAMAccountName"),
            ("(|(uid={0})(mail={0}))", "uid"),
            ("(cn:caseExactMatch:={0})", "cn"),
            ("(2.5.4.3={0})", "2.5.4.3"),
        ] {
            assert_eq!(template(filter).attribute().unwrap(), attribute);
        }
        assert!(template("(uid=a{0})").attribute().is_err());
    }

    #[test]
    fn groups_are_called_as_their_entries() {
        let base = Some("OU=Groups, dc=a");
        let name = |value: &str| group_name(value, "cn", base);
        assert_eq!(name("CN=drivers,ou=groups,DC=a"), "drivers");
        assert_eq!(name(r"cn=a\, b\2Bc,ou=x,ou=groups,dc=a"), "a, b+c");
        assert_eq!(name(r"cn=\C3\A9,ou=groups,dc=a"), "é");
        for itself in [
            "drivers",
            "cn=drivers",
            "cn=admins,ou=elsewhere,dc=a",
            "cn=admins,xou=groups,dc=a",
            "ou=admins,ou=groups,dc=a",
            "cn=a+cn=admins,ou=groups,dc=a",
            r"cn=admins\,ou=groups,dc=a",
        ] {
            assert_eq!(name(itself), itself);
        }
        assert_eq!(group_name("cn=a,ou=groups,dc=a", "cn", None), "cn=a,ou=groups,dc=a");
    }

    #[test]
    fn users_are_called_as_their_entries() {
        let values = ["Alice".to_owned(), "bob  b".to_owned()];
        assert_eq!(meant(&values, "alice").unwrap(), "Alice");
        assert_eq!(meant(&values, " BOB b").unwrap(), "bob  b");
        assert_eq!(meant(&values, "carol"), None);
        assert_eq!(meant(&values[..1], "alice@example.com").unwrap(), "Alice");
    }
}

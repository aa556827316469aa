//! A second way to decide, plain and slow: from what was written, not from what was read, and by trying keys.

use model::Action;

use super::patterns::slow;

#[derive(Clone, Debug)]
pub(super) enum Plain {
    Destination { kind: &'static str, pattern: &'static str, admin: Members, write: Members, read: Members },
    Temporary { admin: Members, write: Members, read: Members },
    Permission { who: &'static str, configure: usize, write: usize, read: usize },
    TopicPermission { who: &'static str, exchange: &'static str, write: usize, read: usize },
    Topic { who: &'static str, filter: &'static str, access: &'static str },
}

pub(super) type Members = Vec<&'static str>;

#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) plain: Plain,
    /// "", "*" or "eu".
    pub(super) host: &'static str,
    pub(super) inside: bool,
    pub(super) secure: bool,
}

/// Somebody and how they logged in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) name: &'static str,
    pub(super) groups: &'static [&'static str],
    pub(super) anonymous: bool,
    pub(super) administrator: bool,
    pub(super) monitor: bool,
    pub(super) client: &'static str,
    pub(super) inside: bool,
    pub(super) secure: bool,
}

type Matches = fn(&str) -> bool;

/// Expressions, and what they match in plain words.
pub(super) const EXPRESSIONS: [(&str, Matches); 7] = [
    ("", |_| false),
    (".*", |_| true),
    ("^a", |name| name.starts_with('a')),
    ("b$", |name| name.ends_with('b')),
    ("^amq\\\\.default$", |name| name == "amq.default"),
    ("^(amq\\\\.topic|e)$", |name| name == "amq.topic" || name == "e"),
    ("^q$", |name| name == "q"),
];
/// Those that topic permissions have besides.
pub(super) const WITH_VARIABLES: [&str; 3] = ["^{username}\\\\.", "^{client_id}$", "^{vhost}"];

impl Written {
    pub(super) fn toml(&self) -> String {
        let list = |key: &str, members: &Members| format!("{key} = {members:?}\n");
        let whose = |who: &str| match who.strip_prefix("group:") {
            Some(group) => format!("group = {group:?}\n"),
            None if who.is_empty() => String::new(),
            None => format!("user = {who:?}\n"),
        };
        let mut text = match &self.plain {
            Plain::Destination { kind, pattern, admin, write, read } => {
                format!("[[destination]]\n{kind} = {pattern:?}\n")
                    + &list("admin", admin)
                    + &list("write", write)
                    + &list("read", read)
            }
            Plain::Temporary { admin, write, read } => {
                "[[temporary]]\n".to_owned() + &list("admin", admin) + &list("write", write) + &list("read", read)
            }
            Plain::Permission { who, configure, write, read } => {
                let [configure, write, read] = [configure, write, read].map(|at| EXPRESSIONS[*at].0);
                format!(
                    "[[permission]]\n{}configure = \"{configure}\"\nwrite = \"{write}\"\nread = \"{read}\"\n",
                    whose(who)
                )
            }
            Plain::TopicPermission { who, exchange, write, read } => {
                let [write, read] = [write, read].map(|at| match at.checked_sub(EXPRESSIONS.len()) {
                    Some(at) => WITH_VARIABLES[at],
                    None => EXPRESSIONS[*at].0,
                });
                let whose = whose(who);
                format!(
                    "[[topic_permission]]\n{whose}exchange = {exchange:?}\nwrite = \"{write}\"\nread = \"{read}\"\n"
                )
            }
            Plain::Topic { who, filter, access } => {
                format!("[[topic]]\n{}filter = {filter:?}\naccess = {access:?}\n", whose(who))
            }
        };
        if !self.host.is_empty() {
            text += &format!("virtual_host = {:?}\n", self.host);
        }
        if self.inside {
            text += "from = [\"10.0.0.0/8\", \"fd00::/8\"]\n";
        }
        if self.secure {
            text += "secure = true\n";
        }
        text
    }

    fn counts(&self, login: &Login, namespace: &str) -> bool {
        let there = match self.host {
            "" => namespace == "/",
            "*" => true,
            _ => namespace == super::OTHER,
        };
        there && (!self.inside || login.inside) && (!self.secure || login.secure)
    }

    /// Whether this entry gives `right` on `what`, as far as topic permissions let it.
    fn gives(&self, all: &[Self], login: &Login, namespace: &str, right: &str, what: &str, subscribed: bool) -> bool {
        if !self.counts(login, namespace) {
            return false;
        }
        let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
        match &self.plain {
            Plain::Destination { kind: own, pattern, admin, write, read } => {
                let members = match right {
                    "configure" => admin,
                    "write" => write,
                    _ => read,
                };
                let pattern = pattern.replace('>', "#");
                members.iter().any(|member| is(login, member))
                    && match *own {
                        "queue" => (kind == "queue" || kind == "send") && meets(&pattern, name, false),
                        "topic" => kind == "topic" && meets(&pattern, name, subscribed),
                        _ => exchange(what, right).is_some_and(|exchange| meets(&pattern, exchange, false)),
                    }
            }
            Plain::Permission { who, configure, write, read } => {
                let expression = match right {
                    "configure" => *configure,
                    "write" => *write,
                    _ => *read,
                };
                let matches = |name: &str| EXPRESSIONS[expression].1(name);
                is_user(login, who)
                    && ((kind == "queue" || kind == "send") && matches(name)
                        || exchange(what, right).is_some_and(matches))
                    && !narrowed(all, login, namespace, right, what)
            }
            Plain::Topic { who, filter, access } => {
                let may = *access == right || *access == "readwrite" && right != "configure";
                let filter = filter_of(filter, login);
                may && kind == "topic"
                    && is_user(login, who)
                    && filter.is_some_and(|filter| meets_filter(&filter, name, subscribed, true))
            }
            Plain::Temporary { .. } | Plain::TopicPermission { .. } => false,
        }
    }

    fn takes(&self, login: &Login, namespace: &str, what: &str, subscribed: bool) -> bool {
        let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
        let Plain::Topic { who, filter, access: "deny" } = &self.plain else { return false };
        let Some(filter) = filter_of(filter, login) else { return false };
        let covered = if subscribed {
            universe().iter().all(|key| !matches(name, key) || matches(&filter, key))
        } else {
            meets_filter(&filter, name, false, false)
        };
        self.counts(login, namespace) && is_user(login, who) && kind == "topic" && covered
    }

    /// Whether it gives anything of `rights` to anybody like this one.
    fn gives_something(&self, login: &Login, namespace: &str, rights: &[&str]) -> bool {
        let some = |members: &Members| members.iter().any(|member| is(login, member));
        self.counts(login, namespace)
            && match &self.plain {
                Plain::Destination { admin, write, read, .. } | Plain::Temporary { admin, write, read } => {
                    [("configure", admin), ("write", write), ("read", read)]
                        .iter()
                        .any(|(right, members)| rights.contains(right) && some(members))
                }
                Plain::Permission { who, configure, write, read } => {
                    is_user(login, who)
                        && [("configure", configure), ("write", write), ("read", read)]
                            .iter()
                            .any(|(right, expression)| rights.contains(right) && **expression != 0)
                }
                Plain::Topic { who, filter, access } => {
                    is_user(login, who)
                        && filter_of(filter, login).is_some()
                        && ((*access == "readwrite" && (rights.contains(&"read") || rights.contains(&"write")))
                            || rights.contains(access))
                }
                Plain::TopicPermission { .. } => false,
            }
    }
}

pub(super) fn plain(all: &[Written], login: &Login, namespace: &str, action: Action, what: &str) -> bool {
    let rights = ["configure", "write", "read"];
    let something = |rights: &[&str]| all.iter().any(|one| one.gives_something(login, namespace, rights));
    let one = |right: &str, subscribed: bool| {
        if what == "temporary" {
            return temporary(all, login, namespace, right);
        }
        all.iter().any(|one| one.gives(all, login, namespace, right, what, subscribed))
            && !all.iter().any(|one| one.takes(login, namespace, what, subscribed))
    };
    match action {
        _ if login.administrator => true,
        Action::Administer => false,
        Action::Monitor | Action::See | Action::Enter if login.monitor => true,
        Action::Monitor => false,
        _ if what == "broker" => false,
        Action::Enter => something(&rights),
        Action::See if what == "namespace" || what == "exchange " => something(&rights),
        Action::See if what == "exchange amq.topic" => {
            let of_topics =
                |one: &&Written| matches!(one.plain, Plain::Topic { .. } | Plain::Destination { kind: "topic", .. });
            all.iter().filter(of_topics).any(|one| one.gives_something(login, namespace, &rights))
                || rights.iter().any(|right| one(right, false))
        }
        Action::See => rights.iter().any(|right| one(right, false)),
        Action::Configure => one("configure", false),
        Action::Write => one("write", false),
        Action::Read => one("read", false),
        Action::Subscribe => one("read", what.starts_with("topic ")),
    }
}

fn temporary(all: &[Written], login: &Login, namespace: &str, right: &str) -> bool {
    let is_temporary = |one: &&Written| matches!(one.plain, Plain::Temporary { .. });
    let anybody = Login { inside: true, secure: true, ..login.clone() };
    if all.iter().filter(is_temporary).any(|one| one.counts(&anybody, namespace)) {
        return all.iter().filter(is_temporary).any(|one| one.gives_something(login, namespace, &[right]));
    }
    all.iter().any(|one| one.gives_something(login, namespace, &["read", "write"]))
}

fn narrowed(all: &[Written], login: &Login, namespace: &str, right: &str, what: &str) -> bool {
    let (own, key) = match what.split_once(' ').unwrap_or((what, "")) {
        ("topic", key) => ("amq.topic", key),
        ("key", rest) => rest.split_once(' ').unwrap(),
        _ => return false,
    };
    if right == "configure" {
        return false;
    }
    let anybody = Login { inside: true, secure: true, ..login.clone() };
    let mut there = false;
    for one in all {
        let Plain::TopicPermission { who, exchange, write, read } = &one.plain else { continue };
        if *exchange != own || !is_user(login, who) || !one.counts(&anybody, namespace) {
            continue;
        }
        there = true;
        let expression = if right == "write" { *write } else { *read };
        let host = if one.host.is_empty() { "/" } else { one.host };
        let gives = match expression.checked_sub(EXPRESSIONS.len()) {
            None => EXPRESSIONS[expression].1(key),
            Some(0) => !login.anonymous && key.starts_with(&format!("{}.", login.name)),
            Some(1) => !login.client.is_empty() && key == login.client,
            Some(_) => key.starts_with(host),
        };
        if gives && one.counts(login, namespace) {
            return false;
        }
    }
    there
}

/// The name of the exchange whose right is asked for, too.
fn exchange<'a>(what: &'a str, right: &str) -> Option<&'a str> {
    match what.split_once(' ').unwrap_or((what, "")) {
        ("send", _) if right == "write" => Some("amq.default"),
        ("topic", _) => Some("amq.topic"),
        ("exchange", "") => Some("amq.default"),
        ("exchange", name) => Some(name),
        ("key", rest) => rest.split_once(' ').map(|(name, _)| name),
        _ => None,
    }
}

fn is(login: &Login, member: &str) -> bool {
    match member {
        "anonymous" => login.anonymous,
        "*" => !login.anonymous,
        _ => member.strip_prefix("user:").map_or(login.groups.contains(&member), |user| user == login.name),
    }
}

fn is_user(login: &Login, who: &str) -> bool {
    match who {
        "" => true,
        "$anonymous" => login.anonymous,
        "*" => !login.anonymous,
        _ => who.strip_prefix("group:").map_or(who == login.name, |group| login.groups.contains(&group)),
    }
}

/// In the core's characters.
fn filter_of(filter: &str, login: &Login) -> Option<String> {
    if filter.contains("%u") && login.anonymous || filter.contains("%c") && login.client.is_empty() {
        return None;
    }
    let filter = filter.replace('/', ".").replace('+', "*");
    Some(filter.replace("%u", login.name).replace("%c", &login.client.replace('.', "/")))
}

fn meets_filter(filter: &str, name: &str, subscribed: bool, hides: bool) -> bool {
    let hidden = |key: &str| hides && filter.starts_with(['*', '#']) && key.starts_with('$');
    match subscribed {
        true => universe().iter().any(|key| matches(name, key) && matches(filter, key) && !hidden(key)),
        false => matches(filter, name) && !hidden(name),
    }
}

fn meets(pattern: &str, name: &str, subscribed: bool) -> bool {
    meets_filter(pattern, name, subscribed, false)
}

fn matches(pattern: &str, key: &str) -> bool {
    slow(&pattern.split('.').collect::<Vec<_>>(), &key.split('.').collect::<Vec<_>>())
}

/// Every key that could tell two patterns of these tests apart.
fn universe() -> &'static [String] {
    static KEYS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| super::patterns::keys(&["a", "b", "alice", "bob", "anonymous", "q", "b/z", "$s"], 4))
}

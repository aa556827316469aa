//! What `show` prints loads again to the same configuration; and no input at all makes `load` panic.

use proptest::prelude::*;

use super::*;
use crate::setting::{Form, Kind, Preset, Setting};
use crate::settings::SETTINGS;
use crate::value::quote;
use crate::{Machine, show};

/// TOML for a value that `kind` allows.
fn value(kind: &'static Kind) -> BoxedStrategy<String> {
    match *kind {
        Kind::Bool => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Kind::Integer { min, max } => (min..=max).prop_map(|value| value.to_string()).boxed(),
        Kind::Size { min, max } => prop_oneof![
            (min..=max).prop_map(|value| value.to_string()),
            (min.div_ceil(1 << 20)..=(max >> 20).min(1 << 20)).prop_map(|value| format!("'{value}MiB'")),
        ]
        .boxed(),
        Kind::Duration { min, max } => {
            let seconds = (min.div_ceil(1_000)..=max / 1_000).prop_map(|value| format!("'{value}s'"));
            prop_oneof![(min..=max).prop_map(|value| format!("'{value}ms'")), seconds].boxed()
        }
        Kind::Text(form) => text(form).prop_map(|text| quote(&text)).boxed(),
        Kind::Texts(form) => {
            // What stands around an element of a list does not count.
            let element =
                text(form).prop_map(|text| text.trim().to_owned()).prop_filter("not empty", |t| !t.is_empty());
            prop::collection::vec(element, 1..4).prop_map(|texts| list(&texts)).boxed()
        }
        Kind::Choices(words) => {
            let some = prop::sample::subsequence(words.to_vec(), 1..=words.len());
            some.prop_map(|words| list(&words)).boxed()
        }
        Kind::Path => "[^\\p{Cc}]{1,12}".prop_map(|text| quote(&text)).boxed(),
        Kind::Paths => prop::collection::vec("[^\\p{Cc}]{1,12}".prop_map(|text| quote(&text)), 0..3)
            .prop_map(|paths| format!("[{}]", paths.join(", ")))
            .boxed(),
        Kind::Networks => {
            let network = prop_oneof![
                (any::<std::net::Ipv4Addr>(), 0..=32).prop_map(|(address, length)| format!("'{address}/{length}'")),
                any::<std::net::Ipv6Addr>().prop_map(|address| format!("'{address}'")),
            ];
            prop::collection::vec(network, 1..3).prop_map(|all| format!("[{}]", all.join(", "))).boxed()
        }
        Kind::Address => prop_oneof![
            any::<std::net::Ipv4Addr>().prop_map(|address| format!("'{address}'")),
            any::<std::net::Ipv6Addr>().prop_map(|address| format!("'{address}'")),
        ]
        .boxed(),
        Kind::Choice(words) => prop::sample::select(words).prop_map(quote).boxed(),
        Kind::Hex(bytes) => prop::collection::vec(any::<u8>(), bytes)
            .prop_map(|bytes| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>())
            .prop_map(|digits| quote(&digits))
            .boxed(),
        Kind::Headers => {
            let header = prop_oneof![
                any::<String>().prop_map(|text| quote(&text)),
                any::<i64>().prop_map(|value| value.to_string()),
                any::<bool>().prop_map(|value| value.to_string()),
            ];
            prop::collection::btree_map(any::<String>(), header, 0..4)
                .prop_map(|headers| {
                    let pairs: Vec<_> =
                        headers.iter().map(|(name, value)| format!("{} = {value}", quote(name))).collect();
                    format!("{{ {} }}", pairs.join(", "))
                })
                .boxed()
        }
        Kind::Tables(_) => unreachable!("tables are written by `tables`"),
    }
}

fn list<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", texts.iter().map(|text| quote(text.as_ref())).collect::<Vec<_>>().join(", "))
}

fn text(form: Form) -> BoxedStrategy<String> {
    match form {
        Form::Name | Form::Filter | Form::Line => "[^\\p{Cc}]{1,12}".boxed(),
        Form::Key => "[^\\p{Cc}]{0,12}".boxed(),
        Form::Account => "[0-9]{12}".boxed(),
        Form::Command => "[ -~]{1,40}".boxed(),
        Form::Region => "[a-z0-9-]{1,32}".boxed(),
        Form::UrlPath => "/[!-~]{0,12}".boxed(),
        Form::DirectoryHost => "ldaps://[a-z0-9.-]{1,12}(:[1-9][0-9]{0,3})?".boxed(),
        Form::Selector => any::<String>().prop_filter("not empty", |text| !text.is_empty()).boxed(),
    }
}

/// Lines that set what must be set and some of the rest.
fn lines(settings: &'static [Setting]) -> BoxedStrategy<String> {
    let scalars = settings
        .iter()
        .filter(|setting| !setting.secret && setting.in_file && !matches!(setting.kind, Kind::Tables(_)));
    let lines: Vec<_> = scalars
        .map(|setting| {
            let line = value(&setting.kind).prop_map(move |value| format!("{} = {value}\n", setting.name));
            if setting.preset == Preset::Required {
                line.boxed()
            } else {
                prop::option::weighted(0.4, line).prop_map(Option::unwrap_or_default).boxed()
            }
        })
        .collect();
    lines.prop_map(|lines| lines.concat()).boxed()
}

/// Up to three tables of every list.
fn tables() -> impl Strategy<Value = String> {
    let lists: Vec<_> = SETTINGS
        .iter()
        .filter_map(|setting| match setting.kind {
            Kind::Tables(fields) => {
                let table = lines(fields).prop_map(move |lines| format!("\n[[{}]]\n{lines}", setting.name));
                Some(prop::collection::vec(table, 0..4).prop_map(|tables| tables.concat()))
            }
            _ => None,
        })
        .collect();
    lists.prop_map(|lists| lists.concat())
}

/// A file in which the rules between settings hold: what may break one is left out or made to fit.
fn file() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    const BREAKS: &[&str] = &[
        "dev =", "memory_limit =", "disk_limit =", "tls =", "tls_only =", "client_certificate =", "certificate_files =",
        "key_files =", "proxy_from =", "port =", "exchange =", "start_tls =", "jwks_", "service_account_username =",
        "user_search_matching =", "role_search_matching =", "encryption",
    ];
    (lines(SETTINGS), tables()).prop_map(|(scalars, tables)| {
        let mut kept = "dev = true\nmemory_limit = '1GiB'\n".to_owned();
        for (number, line) in format!("{scalars}{tables}").lines().enumerate() {
            match line {
                _ if BREAKS.iter().any(|start| line.starts_with(start)) => continue,
                // No listed exchange has this name, so it may be of any kind.
                "[[binding]]" => kept += "[[binding]]\nexchange = 'none of these'",
                "overflow = \"dead-letter\"" => kept += "overflow = 'drop-head'",
                _ if line.starts_with("max_deliveries =") => continue,
                _ if line.starts_with("dead_letter =") => kept += &format!("{line}\nmax_deliveries = {}", number + 1),
                "[[oauth]]" => kept += "[[oauth]]\njwks_file = 'keys.json'",
                "[[listener]]" => kept += &format!("[[listener]]\nport = {}", number + 1),
                _ => kept += line,
            }
            kept.push('\n');
        }
        kept
    })
}

fn same(a: &Config, b: &Config) -> bool {
    let without_origins = |config: &Config| {
        let mut config = config.clone();
        config.effective.entries.clear();
        config
    };
    without_origins(a) == without_origins(b)
}

proptest! {
    #[test]
    fn shown_as_loaded(file in file()) {
        // Two names may be the same by chance.
        let Ok(config) = load(&file, &[], Flags::default()) else { return Err(TestCaseError::reject("a name stands twice")) };
        let shown = show(&config);
        let elsewhere = Machine { cores: 1, memory: Some(GIB), cgroup_memory: None };
        let again = load_on(elsewhere, &shown, &[], Flags::default());
        let again = again.map_err(|errors| TestCaseError::fail(format!("{errors}\nin\n{shown}")))?;
        prop_assert!(same(&config, &again), "{}\nbecame\n{}", shown, show(&again));
        prop_assert_eq!(show(&again).lines().count(), shown.lines().count());
    }

    #[test]
    fn nothing_panics_and_every_mistake_is_one_line(file in damaged(), variable in "[A-Z_]{0,8}", text in any::<String>()) {
        let variable = format!("CAUSEWAY_{variable}");
        let variables = [(variable.as_str(), text.as_str()), ("CAUSEWAY_QUEUE", file.as_str())];
        if let Err(errors) = load(&file, &variables, Flags { log: Some(text.clone()), ..Flags::default() }) {
            prop_assert_eq!(errors.to_string().lines().count(), errors.0.len());
        }
    }
}

/// A good file with some characters lost and some text put in.
fn damaged() -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (file(), cut, any::<String>()).prop_map(|(file, (from, to), text)| {
        let characters: Vec<char> = file.chars().collect();
        let (from, to) = (from.index(characters.len()), to.index(characters.len()));
        let kept = characters[..from.min(to)].iter().chain(&characters[from.max(to)..]);
        kept.collect::<String>() + &text
    })
}

#[test]
fn origins_are_shown() {
    let file = "region = 'eu-west-1'\n\n[[queue]]\nname = 'a'\nttl = '1h'\n";
    let variables = [("CAUSEWAY_LOG", "debug"), ("CAUSEWAY_MQTT_PORT", "0"), ("CAUSEWAY_REPAIR", "1")];
    let flags = Flags { ephemeral: Some(true), ..Flags::default() };
    let shown = show(&load(file, &variables, flags).unwrap());
    let expected = [
        "data = \"./data\"  # default",
        "ephemeral = true  # flag --ephemeral",
        "durability = \"fsync\"  # default",
        "# disk_limit is not set: the whole disk",
        "# repair = true  # environment CAUSEWAY_REPAIR",
        "memory_limit = \"4GiB\"  # default",
        "region = \"eu-west-1\"  # causeway.toml:1",
        "log = \"debug\"  # environment CAUSEWAY_LOG",
        "# secret_key is not set: made once by the store",
        "port = 0  # environment CAUSEWAY_MQTT_PORT",
        "name = \"a\"  # causeway.toml:4",
        "ttl = \"1h\"  # causeway.toml:5",
        "# max_length is not set: no limit",
        "region = \"eu-west-1\"  # default",
    ];
    for line in expected {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing in\n{shown}");
    }
}

#[test]
fn a_face_that_is_off_is_shown_and_stays_off() {
    let config = from_file("[[listener]]\nface = 'aws'\nenabled = false");
    let again = from_file(&show(&config));
    assert_eq!((config.listeners.len(), same(&config, &again)), (4, true));
}

//! Files change while the program runs: certificates are renewed, lists of revoked ones grow.

use std::sync::Arc;

use crate::tls::files::{Looks, Sources};
use crate::tls::{Keeper, Lifetime};

const DAY: i64 = 86_400;
/// Seconds before the end from which on there is a warning a day.
const WARN: i64 = 30 * DAY;

/// Looks after keepers; whoever owns it calls [`Watch::look`] again and again.
#[derive(Debug)]
pub struct Watch {
    watched: Vec<Watched>,
    /// When the last warnings about lifetimes were, in seconds since the Unix epoch.
    warned: Option<i64>,
}

#[derive(Debug)]
struct Watched {
    keeper: Arc<Keeper>,
    /// What the files looked like at the last look.
    last: Looks,
    /// What they looked like when they were last found wrong.
    wrong: Option<Looks>,
}

impl Watch {
    pub fn new(keepers: impl IntoIterator<Item = Arc<Keeper>>) -> Self {
        let watched = keepers.into_iter().map(|keeper| Watched { last: keeper.looks(), keeper, wrong: None }).collect();
        Self { watched, warned: None }
    }

    /// Loads what has changed and not changed any more since the last look, so that nobody reads half of what is being
    /// replaced. What is wrong is logged once, and what was good before stays in use. `now`: seconds since the Unix epoch.
    pub fn look(&mut self, now: i64) {
        let mut loaded = false;
        for watched in &mut self.watched {
            loaded |= watched.look();
        }
        if loaded || self.warned.is_none_or(|warned| now >= warned + DAY) {
            self.warned = Some(now);
            self.warn(now);
        }
    }

    fn warn(&self, now: i64) {
        let mut all: Vec<Lifetime> = self.watched.iter().flat_map(|watched| watched.keeper.lifetimes()).collect();
        all.sort();
        all.dedup();
        for lifetime in all {
            if let Some(text) = warning(&lifetime, now) {
                tracing::warn!("{text}");
            }
        }
    }
}

impl Watched {
    /// Whether something new is in use.
    fn look(&mut self) -> bool {
        let seen = Sources::look(self.keeper.options());
        let rests = seen == self.last;
        let news = seen != self.keeper.looks() && self.wrong.as_ref() != Some(&seen);
        self.last = seen;
        if !(rests && news) {
            return false;
        }
        match self.keeper.reload() {
            Ok(()) => {
                self.wrong = None;
                let pairs = &self.last.0.pairs;
                let first = pairs.first().map(|(certificate, _)| certificate.display().to_string());
                tracing::info!("TLS files read again: {}", first.unwrap_or_default());
                true
            }
            Err(error) => {
                self.wrong = Some(self.last.clone());
                tracing::error!("TLS files changed, and what was read before stays in use: {error}");
                false
            }
        }
    }
}

/// What to say about something that ends soon, or has ended.
fn warning(lifetime: &Lifetime, now: i64) -> Option<String> {
    let left = lifetime.ends - now;
    if left >= WARN {
        return None;
    }
    let what = match lifetime.subject.as_str() {
        "" => lifetime.kind.name().to_owned(),
        subject => format!("{} {subject:?}", lifetime.kind.name()),
    };
    let file = lifetime.file.display();
    Some(match left {
        ..0 => format!("{file}: the {what} has expired: it will be refused"),
        0..DAY => format!("{file}: the {what} expires within a day"),
        _ => format!("{file}: the {what} expires in {} days", left / DAY),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::tls::{Error, Kind, Options};

    /// A pair for `name`, until the end of that day.
    fn write(folder: &Path, file: &str, name: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        fs::write(folder.join(format!("{file}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    fn subjects(keeper: &Keeper) -> Vec<String> {
        keeper.lifetimes().into_iter().map(|lifetime| lifetime.subject).collect()
    }

    fn kept() -> (tempfile::TempDir, Arc<Keeper>, Watch) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "server", "one.example");
        let options = Options { folder: Some(folder.path().to_owned()), ..Options::default() };
        let keeper = Arc::new(Keeper::load(options).unwrap());
        let watch = Watch::new([keeper.clone()]);
        (folder, keeper, watch)
    }

    #[test]
    fn a_change_is_read_when_it_rests() {
        let (folder, keeper, mut watch) = kept();
        assert_eq!(subjects(&keeper), ["CN=one.example"]);
        write(folder.path(), "server", "two.example");
        watch.look(0);
        assert_eq!(subjects(&keeper), ["CN=one.example"], "it may still change");
        watch.look(0);
        assert_eq!(subjects(&keeper), ["CN=two.example"]);
        write(folder.path(), "server-b", "b.example");
        fs::write(folder.path().join("ca.pem"), "not looked at").unwrap();
        watch.look(0);
        watch.look(0);
        assert_eq!(subjects(&keeper), ["CN=two.example", "CN=b.example"]);
    }

    #[test]
    fn what_is_wrong_changes_nothing_until_it_is_right() {
        let (folder, keeper, mut watch) = kept();
        let key = folder.path().join("server.key");
        let good = fs::read(&key).unwrap();
        fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        for _ in 0..3 {
            watch.look(0);
        }
        let config = keeper.config();
        assert!(matches!(keeper.reload(), Err(Error::Mismatch { .. })));
        fs::remove_file(&key).unwrap();
        watch.look(0);
        watch.look(0);
        assert!(Arc::ptr_eq(&config, &keeper.config()));
        fs::write(&key, good).unwrap();
        watch.look(0);
        watch.look(0);
        assert!(!Arc::ptr_eq(&config, &keeper.config()));
    }

    #[test]
    fn errors_name_the_file_and_what_it_must_be() {
        let (folder, ..) = kept();
        let at = |file: &str| folder.path().join(file);
        let load = |pairs: Vec<_>| Keeper::load(Options { pairs, ..Options::default() }).unwrap_err();
        fs::write(at("text.pem"), "hello").unwrap();
        fs::write(at("broken.pem"), "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n").unwrap();
        let text = load(vec![(at("none.pem"), at("server.key"))]).to_string();
        assert!(
            text.contains("none.pem: cannot be read: No such file") && text.contains("; must be a PEM file"),
            "{text}"
        );
        let text = load(vec![(at("text.pem"), at("server.key"))]).to_string();
        assert!(text.contains("text.pem: has no certificate; must be"), "{text}");
        let text = load(vec![(at("broken.pem"), at("server.key"))]).to_string();
        assert!(text.contains("broken.pem: is no PEM"), "{text}");
        let text = load(vec![(at("server.pem"), at("server.pem"))]).to_string();
        assert!(text.contains("server.pem: has no private key that can be used; must be"), "{text}");
    }

    #[test]
    fn the_end_is_told_thirty_days_before() {
        let lifetime = |kind, ends| Lifetime::new(Path::new("/s.pem"), kind, "CN=x".into(), ends);
        let certificate = lifetime(Kind::Certificate, 100 * DAY);
        for (now, expected) in [
            (0, None),
            (70 * DAY, None),
            (70 * DAY + 1, Some("/s.pem: the certificate \"CN=x\" expires in 29 days")),
            (99 * DAY + 1, Some("/s.pem: the certificate \"CN=x\" expires within a day")),
            (100 * DAY + 1, Some("/s.pem: the certificate \"CN=x\" has expired: it will be refused")),
        ] {
            assert_eq!(warning(&certificate, now).as_deref(), expected);
        }
        let list = Lifetime::new(Path::new("/crl.pem"), Kind::Revocations, String::new(), DAY);
        assert_eq!(warning(&list, 1).as_deref(), Some("/crl.pem: the revocation list expires within a day"));
    }
}

use std::collections::BTreeSet;

use model::Name;

use super::{Imported, Origin};
use crate::policy::parse::OWN;
use crate::policy::{HostNames, Policy};

/// Writes a permissions file entry by entry, each read back before it is taken.
pub(super) struct Writer {
    origin: Origin,
    body: String,
    entries: usize,
    notes: Vec<String>,
    hosts: HostNames,
    /// Users of the other broker who could do more than permissions say.
    pub(super) administrators: BTreeSet<String>,
    pub(super) monitors: BTreeSet<String>,
}

/// One entry, key by key.
pub(super) struct Table(String);

impl Table {
    pub(super) fn new(name: &str) -> Self {
        Self(format!("[[{name}]]\n"))
    }

    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.0 += &format!("{key} = {}\n", quoted(value));
        self
    }

    pub(super) fn list(&mut self, key: &str, values: &[String]) -> &mut Self {
        let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
        self.0 += &format!("{key} = [{}]\n", values.join(", "));
        self
    }

    /// Left out where it is the default.
    pub(super) fn host(&mut self, host: &str) -> &mut Self {
        if host == OWN { self } else { self.text("virtual_host", host) }
    }
}

impl Writer {
    pub(super) fn new(origin: Origin) -> Self {
        let (administrators, monitors) = (BTreeSet::new(), BTreeSet::new());
        Self {
            origin,
            body: String::new(),
            entries: 0,
            notes: Vec::new(),
            hosts: HostNames::new(),
            administrators,
            monitors,
        }
    }

    /// Takes an entry of a virtual host if it can be read; else says why not, and where it came from.
    pub(super) fn entry(&mut self, table: &Table, host: &str, from: &str) {
        let mut hosts = HostNames::new();
        if host != OWN {
            hosts.insert(host.to_owned(), Name::from(host));
        }
        match Policy::parse(&table.0, &hosts) {
            Ok(_) => {
                self.hosts.append(&mut hosts);
                self.body += &format!("\n{}", table.0);
                self.entries += 1;
            }
            Err(errors) => {
                let why: Vec<_> = errors.0.iter().map(|error| error.cause.to_string()).collect();
                self.note(format!("left out: {from}: {}", why.join("; ")));
            }
        }
    }

    /// So many are taken.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn note(&mut self, note: String) {
        // A line of a comment ends at its end, whatever the other broker's file has in its names.
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.notes.push(note);
    }

    pub(super) fn finish(mut self) -> Imported {
        let hosts: Vec<_> = std::mem::take(&mut self.hosts).into_keys().collect();
        for host in &hosts {
            self.note(format!("virtual host {host:?} must be a [[virtual_host]] of the configuration"));
        }
        let administrators = std::mem::take(&mut self.administrators);
        for (users, role) in [(administrators, "administrator"), (std::mem::take(&mut self.monitors), "monitor")] {
            for user in users {
                self.note(format!("user {user:?} could act as {role}: say so in the users file if it is to stay so"));
            }
        }
        let mut toml = format!("# Permissions of {}.\n", self.origin.name());
        for note in &self.notes {
            toml += &format!("# {note}\n");
        }
        toml += &self.body;
        Imported { toml, hosts, entries: self.entries, notes: self.notes }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

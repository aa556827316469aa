//! Batches: up to 10 entries, each with its own outcome.

use model::{Effect, MessageNumber, Refusal, Reply, Time, Token};

use crate::call::{Progress, Scene, Waiting};
use crate::characters::is_plain_name;
use crate::error::Fault;
use crate::json::{Object, string};
use crate::service::Shared;
use crate::text::{List, Text};

const ENTRIES: usize = 10;

/// The entries of a batch request; more than 10 are only counted.
pub(crate) type EntryList<T> = List<T, ENTRIES>;

/// Checks the number of entries and their ids. `kind` is the name of an entry's shape.
pub(crate) fn check<T>(
    entries: &EntryList<T>,
    kind: &'static str,
    id: impl Fn(&T) -> Option<&Text<'_>>,
) -> Result<(), Fault> {
    if entries.count == 0 {
        return Err(Fault::EmptyBatch(kind));
    }
    if entries.count > ENTRIES {
        return Err(Fault::TooManyEntries(entries.count));
    }
    for (i, entry) in entries.kept.iter().enumerate() {
        let id_of_this = id(entry).ok_or(Fault::MissingParameter("Id"))?;
        if !is_plain_name(id_of_this) {
            return Err(Fault::EntryId);
        }
        if entries.kept[..i].iter().any(|earlier| id(earlier).is_some_and(|id| **id == **id_of_this)) {
            return Err(Fault::RepeatedId(id_of_this.to_string()));
        }
    }
    Ok(())
}

/// A batch whose commands are under way. Each entry has its own token, or was refused before.
pub(crate) struct Batch<E> {
    entries: Vec<Entry<E>>,
}

struct Entry<E> {
    id: String,
    state: EntryState<E>,
}

enum EntryState<E> {
    Waits(Token, E),
    Succeeded(Option<MessageNumber>, E),
    Failed(Fault),
}

/// What an operation knows of its entries.
pub(crate) trait EntryKind {
    /// Whether this refusal counts as success.
    fn forgives(_refusal: &Refusal) -> bool {
        false
    }

    /// Writes the fields of a success after its `Id`.
    fn push_success(&self, _object: &mut Object<'_>, _number: Option<MessageNumber>, _shared: &Shared) {}
}

impl<E: EntryKind> Batch<E> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::with_capacity(ENTRIES) }
    }

    pub(crate) fn expect(&mut self, id: Text<'_>, token: Token, entry: E) {
        self.entries.push(Entry { id: id.into_string(), state: EntryState::Waits(token, entry) });
    }

    pub(crate) fn fail(&mut self, id: Text<'_>, fault: Fault) {
        self.entries.push(Entry { id: id.into_string(), state: EntryState::Failed(fault) });
    }

    fn is_waiting(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.state, EntryState::Waits(..)))
    }

    /// The answer if nothing was to be asked.
    pub(crate) fn into_started(self, shared: &Shared) -> crate::call::Started
    where
        E: 'static,
    {
        if self.is_waiting() {
            crate::call::Started::Waits(Box::new(self))
        } else {
            crate::call::Started::Answered(self.to_json(shared))
        }
    }

    fn settle(&mut self, token: Token, outcome: Result<Option<MessageNumber>, Refusal>) -> Result<(), Fault> {
        let waits = |entry: &&mut Entry<E>| matches!(entry.state, EntryState::Waits(own, _) if own == token);
        let Some(entry) = self.entries.iter_mut().find(waits) else { return Ok(()) };
        let state = std::mem::replace(&mut entry.state, EntryState::Failed(Fault::Unavailable));
        entry.state = match (state, outcome) {
            (EntryState::Waits(_, kind), Ok(number)) => EntryState::Succeeded(number, kind),
            (EntryState::Waits(_, kind), Err(refusal)) if E::forgives(&refusal) => EntryState::Succeeded(None, kind),
            // The queue went away meanwhile: that is the answer to the whole request.
            (_, Err(Refusal::NoSuchQueue(_))) => return Err(Fault::NoSuchQueue),
            (_, Err(refusal)) => EntryState::Failed(refusal.into()),
            (other, Ok(_)) => other,
        };
        Ok(())
    }

    /// A right to the queue was missing from the start, as AWS sees it, unless something was done: then each entry says
    /// for itself what became of it.
    fn denial(&self) -> Option<Fault> {
        if self.entries.iter().any(|entry| matches!(entry.state, EntryState::Succeeded(..))) {
            return None;
        }
        self.entries.iter().find_map(|entry| match &entry.state {
            EntryState::Failed(fault @ (Fault::Forbidden(_) | Fault::Login)) => Some(fault.clone()),
            _ => None,
        })
    }

    fn to_json(&self, shared: &Shared) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 192 * self.entries.len());
        let mut object = Object::begin(&mut out);
        let mut list = Elements::default();
        for Entry { id, state } in &self.entries {
            if let EntryState::Succeeded(number, kind) = state {
                let mut element = Object::begin(list.next(&mut object, "Successful"));
                element.text("Id", id);
                kind.push_success(&mut element, *number, shared);
                element.end();
            }
        }
        list.end(&mut object);
        let mut list = Elements::default();
        for Entry { id, state } in &self.entries {
            if let EntryState::Failed(fault) = state {
                let wire = fault.wire();
                let mut element = Object::begin(list.next(&mut object, "Failed"));
                element.text("Id", id);
                element.field("SenderFault").extend_from_slice(if wire.sender { b"true" } else { b"false" });
                element.text("Code", wire.code);
                string(element.field("Message"), &fault.to_string());
                element.end();
            }
        }
        list.end(&mut object);
        object.end();
        out
    }
}

/// A list field that is only there if it has elements.
#[derive(Default)]
pub(crate) struct Elements {
    begun: bool,
}

impl Elements {
    pub(crate) fn next<'o>(&mut self, object: &'o mut Object<'_>, name: &str) -> &'o mut Vec<u8> {
        if std::mem::replace(&mut self.begun, true) {
            let out = object.raw();
            out.push(b',');
            out
        } else {
            let out = object.field(name);
            out.push(b'[');
            out
        }
    }

    pub(crate) fn end(self, object: &mut Object<'_>) {
        if self.begun {
            object.raw().push(b']');
        }
    }
}

impl<E: EntryKind> Waiting for Batch<E> {
    fn apply(&mut self, _now: Time, effect: Effect, scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        match effect {
            Effect::Confirm { token, message, routed: true } => self.settle(token, Ok(Some(message)))?,
            Effect::Confirm { token, routed: false, .. } => {
                self.settle(token, Err(Refusal::NoSuchQueue(String::new())))?;
            }
            Effect::Reply { token, reply } => {
                self.settle(token, reply.map(|_: Reply| None))?;
            }
            _ => return Ok(Progress::Waits),
        }
        if self.is_waiting() {
            return Ok(Progress::Waits);
        }
        match self.denial() {
            Some(fault) => Err(fault),
            None => Ok(Progress::Answered(self.to_json(scene.shared))),
        }
    }
}

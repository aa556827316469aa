//! The coordinator (4.4): transactions of one connection, and the links that control them.

use bytes::{Bytes, BytesMut};
use model::{Command, Delivery, Io, Outcome, Refusal, Reply, Settle, TransactionIndex, TransactionRef};

use crate::codec::{self, AmqpError, Coordination, DeliveryState, Role, Transactional, condition};
use crate::endpoint::Endpoint;
use crate::error::LinkError;
use crate::inbound::{Delivered, Partial};
use crate::links::LinkRef;
use crate::token::Request;

/// Transactions that one connection may have open.
const TRANSACTIONS: usize = 1_024;

/// A link to the coordinator.
#[derive(Default)]
pub(crate) struct Controller {
    pub(crate) delivery_count: u32,
    pub(crate) credit: u32,
    pub(crate) partial: Option<Box<Partial>>,
}

#[derive(Default)]
pub(crate) struct Transactions {
    /// By their index.
    open: Vec<Option<Transaction>>,
    /// How many there have been.
    count: u32,
}

struct Transaction {
    number: u32,
    /// The link that declared it, and ends it by its end.
    controller: u16,
    /// Outcomes that wait for its end.
    staged: Vec<Staged>,
    discharge: Option<Discharge>,
    /// A message of it was refused: it cannot be committed.
    failed: Option<Refusal>,
}

/// An end that the core was asked for.
#[derive(Clone, Copy)]
struct Discharge {
    /// The delivery that waits for it.
    id: Option<u32>,
    fail: bool,
}

#[derive(Clone, Copy)]
struct Staged {
    channel: u16,
    link: u16,
    id: u64,
    delivery: Delivery,
    accepted: bool,
}

impl Transactions {
    /// The open transaction with this id.
    pub(crate) fn find(&self, id: &Bytes) -> Option<TransactionIndex> {
        let (index, number) = id.split_first_chunk::<4>()?;
        let index = u32::from_be_bytes(*index);
        let transaction = self.open.get(index as usize)?.as_ref()?;
        (transaction.number.to_be_bytes() == *number && transaction.discharge.is_none())
            .then_some(TransactionIndex(index))
    }

    pub(crate) fn id_of(&self, index: TransactionIndex) -> Option<Bytes> {
        let transaction = self.open.get(index.0 as usize)?.as_ref()?;
        let mut id = BytesMut::with_capacity(8);
        id.extend_from_slice(&index.0.to_be_bytes());
        id.extend_from_slice(&transaction.number.to_be_bytes());
        Some(id.freeze())
    }

    /// An outcome of delivery `id` on a link of a channel.
    pub(crate) fn stage(
        &mut self,
        index: TransactionIndex,
        (channel, link, id): (u16, u16, u64),
        settle: &Settle,
        delivery: Delivery,
    ) {
        if let Some(Some(transaction)) = self.open.get_mut(index.0 as usize) {
            let accepted = settle.outcome == Outcome::Accepted;
            transaction.staged.push(Staged { channel, link, id, delivery, accepted });
        }
    }

    /// The state of a delivery with this outcome; one whose transaction is over has just the outcome.
    pub(crate) fn state_in(&self, index: TransactionIndex, outcome: codec::Outcome) -> DeliveryState {
        match self.id_of(index) {
            Some(txn_id) => DeliveryState::Transactional(Transactional { txn_id, outcome: Some(outcome) }),
            None => DeliveryState::Outcome(outcome),
        }
    }

    pub(crate) fn fail(&mut self, index: TransactionIndex, refusal: Refusal) {
        if let Some(Some(transaction)) = self.open.get_mut(index.0 as usize) {
            transaction.failed.get_or_insert(refusal);
        }
    }

    fn declare(&mut self, controller: u16) -> Option<TransactionIndex> {
        let at = self.open.iter().position(Option::is_none).unwrap_or(self.open.len());
        if at >= TRANSACTIONS {
            return None;
        }
        if at == self.open.len() {
            self.open.push(None);
        }
        self.count = self.count.wrapping_add(1);
        self.open[at] =
            Some(Transaction { number: self.count, controller, staged: Vec::new(), discharge: None, failed: None });
        Some(TransactionIndex(at as u32))
    }
}

impl Endpoint {
    /// A message for the coordinator.
    pub(crate) fn coordinate(&mut self, name: LinkRef, delivered: &Delivered, io: &mut Io<'_>) {
        let Delivered { id, settled, pieces, .. } = delivered;
        match Coordination::decode(pieces) {
            Err(error) => self.refuse(name.index, &LinkError::Malformed(error), io),
            // Its id could not reach the peer (4.2).
            Ok(Coordination::Declare { .. }) if *settled => {
                self.refuse(name.index, &LinkError::NotImplemented("a declare that is settled"), io);
            }
            Ok(Coordination::Declare { global_id: Some(_) }) => {
                self.reject(name, *id, false, &LinkError::NotImplemented("a distributed transaction"), io);
            }
            Ok(Coordination::Declare { global_id: None }) => match self.transactions.declare(name.index) {
                None => {
                    let limit = Refusal::Limit("open transactions", TRANSACTIONS as u64);
                    self.reject(name, *id, false, &LinkError::Refused(limit), io);
                }
                Some(transaction) => {
                    io.commands.push(Command::Begin { transaction });
                    let txn_id = self.transactions.id_of(transaction).unwrap_or_default();
                    let state = DeliveryState::Outcome(codec::Outcome::Declared(txn_id));
                    self.answer(name, *id, &state, io);
                }
            },
            Ok(Coordination::Discharge { txn_id, fail }) => match self.transactions.find(&txn_id) {
                None => self.reject(name, *id, *settled, &LinkError::NoTransaction, io),
                Some(index) => self.discharge(name, index, Discharge { id: (!settled).then_some(*id), fail }, io),
            },
        }
    }

    fn discharge(&mut self, name: LinkRef, index: TransactionIndex, discharge: Discharge, io: &mut Io<'_>) {
        let Some(Some(transaction)) = self.transactions.open.get_mut(index.0 as usize) else { return };
        transaction.discharge = Some(discharge);
        let fails = discharge.fail || transaction.failed.is_some();
        self.settles.flush(io);
        let (token, transaction) = (Request::Discharge(name, index.0).token(), TransactionRef::Own(index));
        io.commands.push(match fails {
            true => Command::Rollback { token, transaction },
            false => Command::Commit { token, transaction },
        });
    }

    /// A transaction has ended.
    pub(crate) fn discharged(&mut self, name: LinkRef, index: u32, reply: Result<Reply, Refusal>, io: &mut Io<'_>) {
        let Some(ended) = self.transactions.open.get_mut(index as usize).and_then(Option::take) else { return };
        let Some(Discharge { id, fail }) = ended.discharge else { return };
        let refusal = ended.failed.filter(|_| !fail).or(reply.err());
        if fail || refusal.is_some() {
            self.take_back(&ended.staged, io);
        } else {
            self.settle_staged(&ended.staged, io);
        }
        let state = match refusal {
            None => DeliveryState::ACCEPTED,
            Some(refusal) => {
                let error = AmqpError::new(condition::TRANSACTION_ROLLBACK, refusal.to_string());
                DeliveryState::Outcome(codec::Outcome::Rejected(Some(Box::new(error))))
            }
        };
        if let Some(id) = id {
            self.answer(name, id, &state, io);
        }
    }

    /// After a commit: what the peer has not settled, this side does.
    fn settle_staged(&mut self, staged: &[Staged], io: &mut Io<'_>) {
        for it in staged {
            let Some(session) = self.sessions.get_mut(usize::from(it.channel)).and_then(Option::as_deref_mut) else {
                continue;
            };
            let same = session.unsettled.get_mut(it.id).is_some_and(|sent| sent.delivery == it.delivery);
            if same {
                session.unsettled.take(it.id);
                let state = it.accepted.then_some(&DeliveryState::ACCEPTED);
                let out = io.output.buffer();
                codec::encode_disposition(out, it.channel, Role::Sender, it.id as u32, None, true, state);
            }
        }
    }

    /// After a rollback: what the peer has not settled is again for it to settle. What it has settled comes again, to
    /// whomever, and has failed once more.
    fn take_back(&mut self, staged: &[Staged], io: &mut Io<'_>) {
        for it in staged {
            let session = self.sessions.get_mut(usize::from(it.channel)).and_then(Option::as_deref_mut);
            let sent = session.and_then(|session| session.unsettled.get_mut(it.id));
            match sent.filter(|sent| sent.delivery == it.delivery && sent.link == it.link) {
                Some(sent) => sent.staged = None,
                None => {
                    let outcome = Outcome::Modified { failed: true, not_before: None };
                    self.settles.push(Settle::one(it.delivery, outcome), io);
                }
            }
        }
        self.settles.flush(io);
    }

    /// The controller is gone: what it has not discharged is rolled back (4.3).
    pub(crate) fn roll_back_all(&mut self, index: u16, io: &mut Io<'_>) {
        let name = self.links.name_of(index);
        let open = self.transactions.open.iter().enumerate();
        let left: Vec<u32> = open
            .filter(|(_, it)| it.as_ref().is_some_and(|it| it.controller == index && it.discharge.is_none()))
            .map(|(at, _)| at as u32)
            .collect();
        for at in left {
            self.discharge(name, TransactionIndex(at), Discharge { id: None, fail: true }, io);
        }
    }
}

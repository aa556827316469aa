//! Class `tx`: publishes and acknowledgements of a channel that happen together or not at all.

use std::collections::VecDeque;

use model::{Command, Io, Outcome, Refusal, Reply, TransactionIndex, TransactionRef};

use crate::channel::{Channel, Mode, Question};
use crate::codec::method::tx;
use crate::error::Fault;
use crate::shared::Shared;
use crate::token::Request;
use crate::unacked::Unsettled;

/// A channel's open transaction. Its index is the channel's number.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// The broker has it.
    is_begun: bool,
    /// Deliveries whose outcome waits for the commit.
    staged: Vec<Unsettled>,
    /// Those of each commit that is not answered yet.
    ending: VecDeque<Vec<Unsettled>>,
}

impl Transaction {
    /// Its index, after the broker was told to begin it.
    pub(crate) fn begun(&mut self, channel: u16, shared: &mut Shared, io: &mut Io<'_>) -> TransactionIndex {
        let transaction = TransactionIndex(channel.into());
        if !std::mem::replace(&mut self.is_begun, true) {
            shared.ask(Command::Begin { transaction }, io);
        }
        transaction
    }

    pub(crate) fn settle(
        &mut self,
        channel: u16,
        unsettled: Unsettled,
        outcome: Outcome,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) {
        let transaction = self.begun(channel, shared, io);
        shared.settling.push(unsettled, outcome, Some(transaction));
        self.staged.push(unsettled);
    }

    /// Ends it with its channel. Returns what is unsettled again.
    pub(crate) fn abandon(&mut self, channel: u16, shared: &mut Shared, io: &mut Io<'_>) -> Vec<Unsettled> {
        if std::mem::take(&mut self.is_begun) {
            let transaction = TransactionRef::Own(TransactionIndex(channel.into()));
            shared.ask(Command::Rollback { token: Request::Ignored.token(), transaction }, io);
        }
        // If a commit that is under way fails, what it was to settle has to go back too.
        let mut all = std::mem::take(&mut self.staged);
        all.extend(self.ending.drain(..).flatten());
        all
    }
}

impl Channel {
    pub(crate) fn select_transactions(&mut self, io: &mut Io<'_>) -> Result<(), Fault> {
        match self.mode {
            Mode::Plain => self.mode = Mode::Transactional(Transaction::default()),
            Mode::Transactional(_) => {}
            Mode::Confirms(_) => return Err(Fault::Mode("confirm", "tx")),
        }
        self.say(tx::SelectOk {}, io);
        Ok(())
    }

    pub(crate) fn commit(&mut self, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        self.end_transaction(Question::TxCommit, shared, io)
    }

    pub(crate) fn roll_back(&mut self, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        self.end_transaction(Question::TxRollback, shared, io)
    }

    fn end_transaction(&mut self, how: Question, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        let channel = self.id.number;
        let Mode::Transactional(transaction) = &mut self.mode else { return Err(Fault::NotTransactional) };
        transaction.begun(channel, shared, io);
        transaction.is_begun = false;
        let staged = std::mem::take(&mut transaction.staged);
        let which = TransactionRef::Own(TransactionIndex(channel.into()));
        if matches!(how, Question::TxCommit) {
            // Kept for the case that the broker refuses.
            transaction.ending.push_back(staged);
            return self.ask(how, |token| Command::Commit { token, transaction: which }, shared, io);
        }
        self.unacked.restore(staged);
        self.ask(how, |token| Command::Rollback { token, transaction: which }, shared, io)
    }

    /// The broker's answer to `tx.commit`.
    pub(crate) fn committed(
        &mut self,
        reply: Result<Reply, Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let Mode::Transactional(transaction) = &mut self.mode else { return Ok(()) };
        let ending = transaction.ending.pop_front().unwrap_or_default();
        match reply {
            Ok(_) => {
                self.say(tx::CommitOk {}, io);
                Ok(())
            }
            Err(refusal) => {
                self.unacked.restore(ending);
                Err(match refusal {
                    Refusal::NoSuchExchange(name) => shared.no_exchange(&name),
                    Refusal::Denied(denial) => shared.denied(&denial),
                    other => Fault::Refused(other),
                })
            }
        }
    }
}

//! BEGIN, COMMIT and ABORT.

use bytes::Bytes;
use model::{Command as Ask, Io, Outcome, Settle, TransactionIndex, TransactionRef};

use crate::codec::{Command, Frame};
use crate::error::{ClientError, quote};
use crate::receipt;
use crate::session::Session;
use crate::subscription::{State, Unacknowledged};
use crate::token::Request;

/// Open transactions of one connection.
const TRANSACTIONS: usize = 1_000;
/// Bytes of the name of one.
const NAME_BYTES: usize = 1_024;
const NAME_NEEDED: &str = "It names the transaction.";

#[derive(Debug)]
pub(crate) struct Transaction {
    name: String,
    /// What it acknowledges, with slot and number of the subscription: an ABORT gives it back.
    pub(crate) taken: Vec<(usize, u64, Unacknowledged)>,
}

/// Open ones, each at its index.
#[derive(Debug, Default)]
pub(crate) struct Transactions(Vec<Option<Transaction>>);

impl Transactions {
    fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|open| open.as_ref().is_some_and(|it| it.name == name))
    }

    pub(crate) fn get_mut(&mut self, index: TransactionIndex) -> Option<&mut Transaction> {
        self.0.get_mut(index.0 as usize)?.as_mut()
    }
}

impl Session {
    /// The transaction that a SEND, ACK or NACK belongs to.
    pub(crate) fn open_transaction(&self, command: Command, name: &str) -> Result<TransactionIndex, ClientError> {
        let index = self.transactions.find(name).ok_or_else(|| ClientError::NoTransaction(command, quote(name)))?;
        Ok(TransactionIndex(index as u32))
    }

    pub(crate) fn begin(&mut self, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let name = transaction_name(frame)?;
        if name.len() > NAME_BYTES {
            let allowed = "It is too long: it may have up to 1024 bytes.";
            return Err(ClientError::wrong_header(frame.command, "transaction", &name, allowed));
        }
        if self.transactions.find(&name).is_some() {
            return Err(ClientError::DoubleTransaction(quote(&name)));
        }
        let open = &mut self.transactions.0;
        let index = open.iter().position(Option::is_none).unwrap_or(open.len());
        if index >= TRANSACTIONS {
            return Err(ClientError::TooMany("open transactions", TRANSACTIONS as u64));
        }
        if index == open.len() {
            open.push(None);
        }
        open[index] = Some(Transaction { name, taken: Vec::new() });
        io.commands.push(Ask::Begin { transaction: TransactionIndex(index as u32) });
        if let Some(receipt) = receipt_of(frame) {
            receipt::write(&receipt, io.output.buffer());
        }
        Ok(())
    }

    /// COMMIT or ABORT.
    pub(crate) fn end(&mut self, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let name = transaction_name(frame)?;
        let index = self.open_transaction(frame.command, &name)?;
        let Some(ended) = self.transactions.0[index.0 as usize].take() else { return Ok(()) };
        let token = Request::End(self.receipts.expect(receipt_of(frame))).token();
        let transaction = TransactionRef::Own(index);
        if frame.command == Command::Commit {
            io.commands.push(Ask::Commit { token, transaction });
        } else {
            io.commands.push(Ask::Rollback { token, transaction });
            self.give_back(ended, io);
        }
        Ok(())
    }

    /// What an aborted transaction acknowledged waits for an acknowledgement again, or goes back to the queue if its
    /// subscription has ended meanwhile.
    fn give_back(&mut self, ended: Transaction, io: &mut Io<'_>) {
        for (slot, number, taken) in ended.taken {
            let subscription = self.subscriptions.get_mut(slot);
            match subscription.filter(|it| it.number == number && it.state != State::Ended) {
                Some(subscription) => {
                    let waiting = &mut subscription.unacknowledged;
                    let at = waiting.partition_point(|it| it.tag < taken.tag);
                    waiting.insert(at, taken);
                }
                None => io.commands.push(Ask::Settle(Settle::one(taken.delivery, Outcome::Released))),
            }
        }
    }
}

fn transaction_name(frame: &Frame) -> Result<String, ClientError> {
    let name = frame.headers().get("transaction");
    let missing = || ClientError::MissingHeader(frame.command, "transaction", NAME_NEEDED);
    name.map(|name| name.into_owned()).ok_or_else(missing)
}

/// The value of the `receipt` header, as it came.
pub(crate) fn receipt_of(frame: &Frame) -> Option<Bytes> {
    let header = frame.headers().into_iter().find(|header| header.raw_name == b"receipt")?;
    Some(frame.block.slice_ref(header.raw_value))
}

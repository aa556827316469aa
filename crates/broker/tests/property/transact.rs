//! Transactions in the random runs.

use model::{Command, ConnectionId, Delivery};

use crate::Op;
use crate::harness::commands::*;
use crate::model::{State, Transaction, entry};
use crate::run::{Run, answered, choose, confirmed, edit, target};

impl Run {
    pub(crate) fn transact(&mut self, op: Op) {
        match op {
            Op::Stage { who, to } => {
                let (id, uid) = self.transaction(who);
                let (mut command, queues) = target(to);
                edit(&mut command, |_, publish| {
                    publish.transaction = Some(model::TransactionIndex(uid as u32));
                });
                let (happened, span) = self.run(id, command);
                let number = confirmed(&happened).0;
                let staged = &mut self.ledger.transactions.get_mut(&uid).expect("open").staged;
                staged.extend(queues.iter().map(|queue| (*queue, entry(number, true, State::Ready, None, span))));
                self.conclude(&happened, span);
            }
            Op::StageSettle { who, which } => {
                let (id, uid) = self.transaction(who);
                let Some((queue, number, seq, attempt)) = choose(&self.ledger.leased_by(id), which) else { return };
                let delivery = Delivery { queue: self.ledger.queues[queue].id, seq, attempt };
                let (happened, span) = self.run(id, settle_in(delivery, uid as u32));
                assert_eq!(happened.count(), 1);
                self.ledger.hold(queue, number, uid);
                self.conclude(&happened, span);
            }
            Op::End { who, how } => {
                let Some(uid) = self.open[usize::from(who)].take() else { return };
                let id = self.connections[usize::from(who)];
                let index = model::TransactionIndex(uid as u32);
                let command = match how {
                    0 => commit(uid as u32),
                    1 => rollback(uid as u32),
                    _ => Command::Prepare { token: model::Token(0), transaction: index, xid: format!("x{uid}").into() },
                };
                let (happened, span) = self.run(id, command);
                assert!(happened.reply().is_ok(), "{happened:?}");
                match how {
                    0 => self.ledger.commit(uid, span, answered(&happened)),
                    1 => self.ledger.roll_back(uid, span),
                    _ => self.ledger.prepare(uid, span),
                }
                self.conclude(&happened, span);
            }
            Op::EndPrepared { who, which, commit } => {
                let prepared = |it: &(&usize, &Transaction)| it.1.prepared.is_some() && it.1.ended.is_none();
                let all: Vec<usize> = self.ledger.transactions.iter().filter(prepared).map(|(uid, _)| *uid).collect();
                let Some(uid) = choose(&all, which) else { return };
                let (token, id) = (model::Token(0), self.connections[usize::from(who)]);
                let transaction = model::TransactionRef::Prepared(format!("x{uid}").into());
                let command = if commit {
                    Command::Commit { token, transaction }
                } else {
                    Command::Rollback { token, transaction }
                };
                let (happened, span) = self.run(id, command);
                assert!(happened.reply().is_ok(), "{happened:?}");
                if commit {
                    self.ledger.commit(uid, span, answered(&happened));
                } else {
                    self.ledger.roll_back(uid, span);
                }
                self.conclude(&happened, span);
            }
            _ => unreachable!("perform() chooses"),
        }
    }

    /// The connection's open transaction, a new one if it has none.
    fn transaction(&mut self, who: u8) -> (ConnectionId, usize) {
        let id = self.connections[usize::from(who)];
        if let Some(uid) = self.open[usize::from(who)] {
            return (id, uid);
        }
        let uid = self.ledger.next_uid;
        self.ledger.next_uid += 1;
        self.open[usize::from(who)] = Some(uid);
        self.ledger.transactions.insert(uid, Transaction::default());
        self.world.run(id, begin(uid as u32));
        (id, uid)
    }
}

//! UNSUBSCRIBE.

use model::{Command as Ask, Declare, DeclareMode, Io, Name, Outcome, QueueRef, QueueSettings, Refusal, Reply};

use crate::acknowledge::Acks;
use crate::codec::{Command, Frame, Headers, Version};
use crate::durable::shared_queue;
use crate::error::ClientError;
use crate::receipt;
use crate::session::{Session, barrier};
use crate::subscribe::{flag, queue_ref};
use crate::subscription::{Source, State, consumer};
use crate::token::Request;
use crate::transaction::receipt_of;

impl Session {
    /// Ends a subscription. With the headers that made it durable, its queue goes too, also if nobody here consumes it.
    pub(crate) fn unsubscribe(&mut self, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let headers = frame.headers();
        let id = headers.get("id").or_else(|| headers.get("destination").filter(|_| self.version == Version::V10));
        let slot = id.as_deref().and_then(|id| self.subscriptions.find(id));
        let forgotten = self.forgotten_queue(headers, slot)?;
        let Some(slot) = slot else {
            return match (forgotten, id) {
                (Some(queue), _) => {
                    self.forget(queue, frame, io);
                    Ok(())
                }
                (None, Some(id)) => Err(ClientError::no_subscription(Command::Unsubscribe, &id)),
                (None, None) => {
                    Err(ClientError::MissingHeader(Command::Unsubscribe, "id", "It is that of the SUBSCRIBE."))
                }
            };
        };
        self.end_subscription(slot, forgotten, frame, io);
        Ok(())
    }

    /// The queue of the durable subscription that the client wants no more.
    fn forgotten_queue(&self, headers: Headers<'_>, slot: Option<usize>) -> Result<Option<Name>, ClientError> {
        let named = headers.get("activemq.subscriptionName").or_else(|| headers.get("durable-subscription-name"));
        if let Some(name) = named {
            return Ok(Some(self.named_queue(Command::Unsubscribe, &name)?));
        }
        // RabbitMQ's word for it.
        if !flag(Command::Unsubscribe, headers, "durable")? {
            return Ok(None);
        }
        if let Some(Source::Durable(queue)) = slot.and_then(|slot| self.subscriptions.get(slot)).map(|it| &it.source) {
            return Ok(Some(queue.clone()));
        }
        match (headers.get("id"), headers.get("destination")) {
            (Some(id), Some(destination)) => Ok(Some(shared_queue(Command::Unsubscribe, &id, &destination)?)),
            _ => Ok(None),
        }
    }

    fn forget(&mut self, queue: Name, frame: &Frame, io: &mut Io<'_>) {
        // It is this client's, if it is there.
        let settings = QueueSettings { internal: true, ..QueueSettings::default() };
        io.commands.push(Ask::Declare(Box::new(Declare {
            token: Request::Ignored.token(),
            namespace: self.namespace,
            name: queue.clone(),
            settings,
            mode: DeclareMode::Passive,
            own: crate::durable::own(&queue),
        })));
        let token = Request::Forget(self.receipts.expect(receipt_of(frame))).token();
        let queue = QueueRef::Named(self.namespace, queue);
        io.commands.push(Ask::Delete { token, queue, if_unused: true, if_empty: false });
    }

    fn end_subscription(&mut self, slot: usize, forgotten: Option<Name>, frame: &Frame, io: &mut Io<'_>) {
        let has_consumer = self.subscriptions.get(slot).is_some_and(|it| it.state != State::Declaring);
        let Some(subscription) = self.subscriptions.end(slot) else { return };
        subscription.farewell = receipt_of(frame);
        if has_consumer {
            io.commands.push(Ask::Cancel { consumer: consumer(slot) });
        }
        let unacknowledged = std::mem::take(&mut subscription.unacknowledged);
        let token = Request::Leave(slot as u64).token();
        let (deleted, if_unused) = match (&subscription.source, forgotten) {
            (Source::Topic(_), _) => (Some(queue_ref(subscription)), false),
            (_, Some(queue)) => (Some(QueueRef::Named(subscription.namespace, queue)), true),
            (_, None) => (None, false),
        };
        if !matches!(subscription.source, Source::Topic(_)) {
            // After the consumer's end, so that others get them.
            let mut acks = Acks::default();
            unacknowledged.iter().for_each(|it| acks.push(it.delivery, Outcome::Released, io));
            acks.flush(io);
        }
        io.commands.push(match deleted {
            Some(queue) => Ask::Delete { token, queue, if_unused, if_empty: false },
            None => barrier(token),
        });
    }

    /// Nothing comes any more from a cancelled consumer.
    pub(crate) fn left(
        &mut self,
        slot: usize,
        reply: Result<Reply, Refusal>,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        let Some(subscription) = self.subscriptions.remove(slot) else { return Ok(()) };
        let farewell = subscription.farewell;
        match reply {
            Ok(_) | Err(Refusal::NoSuchQueue(_)) => {
                // That of SUBSCRIBE, if it ended before it had a consumer.
                for receipt in [subscription.receipt, farewell].into_iter().flatten() {
                    receipt::write(&receipt, io.output.buffer());
                }
                Ok(())
            }
            Err(refusal) => self.fail(ClientError::Refused("UNSUBSCRIBE", refusal), farewell.as_deref(), io),
        }
    }
}

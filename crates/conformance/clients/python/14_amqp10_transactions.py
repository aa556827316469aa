"""Local transactions of AMQP 1.0 with proton."""

from proton import Delivery, Message
from proton.handlers import TransactionHandler

from links import Inbox, connected, node, send, sync, topic
from suite import PEER, case, run, same, unique

# What a coordinator answers to a message that is part of a transaction.
TRANSACTIONAL = 0x34


class Transaction(TransactionHandler):
    """One transaction; every step waits for the coordinator's answer."""

    def __init__(self, connection, settle_before_discharge=False):
        self.connection = connection
        self.state = None
        self.proton = connection.container.declare_transaction(connection.conn, self, settle_before_discharge)
        self._wait("declared")

    def on_transaction_declared(self, _event):
        self.state = "declared"

    def on_transaction_committed(self, _event):
        self.state = "committed"

    def on_transaction_aborted(self, _event):
        self.state = "aborted"

    def on_transaction_declare_failed(self, _event):
        self.state = "declare failed"

    def on_transaction_commit_failed(self, _event):
        self.state = "commit failed"

    def _wait(self, wanted):
        self.connection.wait(lambda: self.state not in (None, "asked"), msg=wanted)
        same(self.state, wanted)

    def send(self, sender, message):
        delivery = self.proton.send(sender, message)
        self.connection.wait(lambda: delivery.remote_state, msg="the outcome")
        same(delivery.remote_state, TRANSACTIONAL)
        delivery.settle()

    def commit(self, wanted="committed"):
        self.state = "asked"
        self.proton.commit()
        self._wait(wanted)

    def abort(self):
        self.state = "asked"
        self.proton.abort()
        self._wait("aborted")


@case
def a_commit_publishes_everything():
    with connected() as connection, connected() as watcher:
        address = node()
        sender = connection.create_sender(address).link
        transaction = Transaction(connection)
        for body in ("a", "b"):
            transaction.send(sender, Message(body=body))
        inbox = Inbox(watcher, address)
        inbox.empty()
        transaction.commit()
        same(inbox.bodies(2), ["a", "b"])


@case
def an_abort_publishes_nothing():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address).link
        transaction = Transaction(connection)
        transaction.send(sender, Message(body="never"))
        transaction.abort()
        Inbox(connection, address).empty()


@case
def a_commit_settles_what_was_accepted():
    for settle_before in (False, True):
        with connected() as connection:
            address = node()
            send(connection, address, "a", "b")
            inbox = Inbox(connection, address, credit=2)
            transaction = Transaction(connection, settle_before)
            first, second = inbox.one()[1], inbox.one()[1]
            transaction.proton.accept(first)
            transaction.commit()
            second.update(Delivery.RELEASED)
            second.settle()
        with connected() as connection:
            inbox = Inbox(connection, address)
            same(inbox.take().body, "b")
            inbox.empty()


@case
def an_abort_gives_back_what_was_accepted():
    with connected() as connection:
        address = node()
        send(connection, address, "x")
        inbox = Inbox(connection, address)
        transaction = Transaction(connection)
        transaction.proton.accept(inbox.one()[1])
        transaction.abort()
        same(inbox.take().body, "x")


@case
def a_message_moves_between_queues_or_stays():
    with connected() as connection:
        source, target = node(), node()
        send(connection, source, "x")
        inbox, sender = Inbox(connection, source), connection.create_sender(target).link
        for end in ("abort", "commit"):
            transaction = Transaction(connection)
            message, delivery = inbox.one()
            transaction.send(sender, Message(body=f"moved {message.body}"))
            transaction.proton.accept(delivery)
            getattr(transaction, end)()
        same(Inbox(connection, target).take().body, "moved x")
        Inbox(connection, target).empty()
        Inbox(connection, source).empty()


@case
def topics_are_published_to_at_the_commit_too():
    with connected() as connection:
        address = topic(unique("news-"))
        inbox = Inbox(connection, address, credit=5)
        sender = connection.create_sender(address).link
        aborted = Transaction(connection)
        aborted.send(sender, Message(body="never"))
        aborted.abort()
        committed = Transaction(connection)
        committed.send(sender, Message(body="news"))
        sync(connection)
        same(inbox.messages, [])
        committed.commit()
        same(inbox.take().body, "news")


@case
def one_transaction_follows_another():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address).link
        for number in range(20):
            transaction = Transaction(connection)
            transaction.send(sender, Message(body=number))
            getattr(transaction, "abort" if number % 2 else "commit")()
        same(Inbox(connection, address, credit=10).bodies(10), list(range(0, 20, 2)))


@case
def two_transactions_are_open_at_once():
    with connected() as connection:
        address = node()
        sender = connection.create_sender(address).link
        one, other = Transaction(connection), Transaction(connection)
        one.send(sender, Message(body="one"))
        other.send(sender, Message(body="other"))
        one.abort()
        other.commit()
        inbox = Inbox(connection, address)
        same(inbox.take().body, "other")
        inbox.empty()


@case
def an_open_transaction_ends_with_its_connection():
    address = node()
    with connected() as connection:
        Transaction(connection).send(connection.create_sender(address).link, Message(body="never"))
    with connected() as connection:
        Inbox(connection, address).empty()


@case
def an_unknown_transaction_cannot_be_discharged():
    with connected() as connection:
        transaction = Transaction(connection)
        transaction.proton.id = b"never declared"
        transaction.commit("commit failed")


if PEER != "rabbitmq":
    # RabbitMQ has no transactions here.
    run()

"""AMQP 0-9-1 with aio-pika: what its own patterns need (RPC, robust connections, confirms in flight)."""

import asyncio
import decimal
import functools
import os

import aio_pika
from aio_pika.patterns import RPC, Master

from suite import AMQP_PORT, DEADLINE, TLS_CA, TLS_CERT, TLS_KEY, case, run, same, unique

def url(port):
    if not TLS_CA:
        return f"amqp://guest:guest@127.0.0.1:{port}/"
    certificate = f"&certfile={TLS_CERT}&keyfile={TLS_KEY}" if TLS_CERT else ""
    return f"amqps://guest:guest@127.0.0.1:{port}/?cafile={TLS_CA}{certificate}"


URL = url(AMQP_PORT)


def with_channel(function):
    """Gives an async case a channel of a connection of its own."""

    @functools.wraps(function)
    def run_it():
        async def body():
            connection = await aio_pika.connect(URL)
            async with connection:
                await asyncio.wait_for(function(await connection.channel()), DEADLINE)

        asyncio.run(body())

    return run_it


async def exclusive(channel, **options):
    return await channel.declare_queue(unique("aio-"), exclusive=True, **options)


def message(body=b"", **options):
    return aio_pika.Message(body, **options)


async def put(channel, queue, body, **options):
    return await channel.default_exchange.publish(message(body, **options), queue.name)


@case
@with_channel
async def hundreds_of_publishes_await_their_confirms_at_once(channel):
    queue = await exclusive(channel, durable=True)
    mode = aio_pika.DeliveryMode.PERSISTENT
    bodies = [b"%d" % number for number in range(500)]
    await asyncio.gather(*(put(channel, queue, body, delivery_mode=mode) for body in bodies))
    got = []
    async with queue.iterator() as messages:
        async for each in messages:
            async with each.process():
                got.append(each.body)
            if len(got) == 500:
                break
    same(got, bodies)


@case
@with_channel
async def a_failed_process_gives_the_message_back(channel):
    queue = await exclusive(channel)
    await put(channel, queue, b"x")
    try:
        async with (await queue.get()).process(requeue=True):
            raise ValueError("cannot do it")
    except ValueError:
        pass
    again = await queue.get()
    same((again.redelivered, again.body), (True, b"x"))
    await again.ack()
    same(await queue.get(fail=False), None)


@case
@with_channel
async def typed_headers_come_back(channel):
    queue = await exclusive(channel)
    given = {"int": 5, "big": 2**40, "float": 0.5, "yes": True, "none": None, "bytes": bytearray(b"\0\xff"), "text": "漢 😀"}
    given |= {"list": [1, "a", [2.5]], "table": {"x": {"y": -1}}, "decimal": decimal.Decimal("1.25")}
    await put(channel, queue, b"", headers=given, expiration=60, priority=5, correlation_id="c", reply_to="r")
    back = await queue.get()
    headers = dict(back.headers)
    same({key: headers[key] for key in given}, given)
    same((back.expiration, back.priority, back.correlation_id, back.reply_to), (60, 5, "c", "r"))


@case
@with_channel
async def what_is_mandatory_and_unroutable_raises(channel):
    # What came back is the answer of the publish.
    returned = await channel.default_exchange.publish(message(b"x"), unique("nobody-"))
    same((returned.delivery.reply_code, returned.body), (312, b"x"))
    queue = await exclusive(channel)
    same((await put(channel, queue, b"y")).name, "Basic.Ack")


@case
@with_channel
async def an_error_closes_only_its_channel(channel):
    try:
        await channel.declare_queue(unique("no-"), passive=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        pass
    else:
        raise AssertionError("found")
    assert channel.is_closed


@case
@with_channel
async def a_transaction_commits_or_rolls_back(_confirming):
    connection = await aio_pika.connect(URL)
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        queue = await exclusive(channel)
        async with channel.transaction():
            await put(channel, queue, b"kept")
        try:
            async with channel.transaction():
                await put(channel, queue, b"dropped")
                raise ValueError("roll back")
        except ValueError:
            pass
        same((await queue.get()).body, b"kept")
        same(await queue.get(fail=False), None)


@case
@with_channel
async def procedures_are_called_remotely(channel):
    rpc = await RPC.create(channel)

    async def multiply(*, x, y):
        return x * y

    name = unique("multiply-")
    await rpc.register(name, multiply, auto_delete=True)
    answers = await asyncio.gather(*(rpc.call(name, kwargs={"x": 7, "y": number}) for number in range(20)))
    same(answers, [7 * number for number in range(20)])
    await rpc.close()


@case
@with_channel
async def workers_share_tasks(channel):
    await channel.set_qos(prefetch_count=1)
    master, done = Master(channel), asyncio.Queue()
    name = unique("work-")

    async def work(*, number):
        await done.put(number)

    worker = await master.create_worker(name, work, auto_delete=True)
    for number in range(10):
        await master.create_task(name, kwargs={"number": number})
    same(sorted([await done.get() for _ in range(10)]), list(range(10)))
    await worker.close()


class Proxy:
    """Passes connections on to the broker until they are cut."""

    def __init__(self):
        self.writers = []

    async def listen(self):
        self.server = await asyncio.start_server(self.pass_on, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def pass_on(self, reader, writer):
        upstream, upward = await asyncio.open_connection("127.0.0.1", AMQP_PORT)
        self.writers += [writer, upward]
        await asyncio.gather(self.copy(reader, upward), self.copy(upstream, writer))

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()


@case
def a_robust_connection_comes_back_with_its_consumers():
    async def body():
        proxy = Proxy()
        port = await proxy.listen()
        connection = await aio_pika.connect_robust(url(port), reconnect_interval=0.1)
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=10)
        queue = await channel.declare_queue(unique("robust-"), durable=True)
        got = asyncio.Queue()
        await queue.consume(got.put)
        await put(channel, queue, b"before")
        await (await got.get()).ack()
        # Its answer says that the broker has the acknowledgement.
        await exclusive(channel)
        back = asyncio.Event()
        connection.reconnect_callbacks.add(lambda *_: back.set())
        # The library connects, opens, declares and consumes anew.
        proxy.cut()
        await back.wait()
        await put(await connection.channel(), queue, b"after")
        same((await got.get()).body, b"after")
        await queue.delete(if_unused=False, if_empty=False)
        await connection.close()

    asyncio.run(asyncio.wait_for(body(), DEADLINE))


@case
@with_channel
async def a_large_body_arrives(channel):
    queue, body = await exclusive(channel), os.urandom(3 * 1024 * 1024)
    await put(channel, queue, body)
    assert (await queue.get()).body == body


run()

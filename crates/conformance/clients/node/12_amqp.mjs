// AMQP 0-9-1 with amqplib.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import amqp from "amqplib";

import { AMQP_PORT, CERTIFICATE, TLS, run, soon, test, unique } from "./suite.mjs";

const MIB = 1024 * 1024;

const server = { protocol: TLS ? "amqps" : "amqp", hostname: "127.0.0.1", port: AMQP_PORT };

function connect(options = {}) {
  return soon(amqp.connect({ ...server, heartbeat: 0, ...options }, CERTIFICATE), "a connection");
}

/** Calls `body` with a channel (or one with confirms) of a connection of its own. */
async function withChannel(body, kind = "createChannel") {
  const connection = await connect();
  connection.on("error", () => {});
  try {
    await body(await connection[kind](), connection);
  } finally {
    await connection.close().catch(() => {});
  }
}

/** A consumer whose messages wait to be taken. */
class Inbox {
  #arrived = [];
  #waiting = [];

  static async open(channel, queue, options = {}) {
    const inbox = new Inbox();
    const { consumerTag } = await channel.consume(queue, (message) => inbox.#arrive(message), options);
    return Object.assign(inbox, { tag: consumerTag });
  }

  #arrive(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#arrived.push(message);
  }

  take() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return soon(new Promise((resolve) => this.#waiting.push(resolve)), "a delivery");
  }

  async texts(count) {
    const texts = [];
    while (texts.length < count) texts.push((await this.take()).content.toString());
    return texts;
  }
}

async function queue(channel, options = {}) {
  return (await channel.assertQueue("", { exclusive: true, ...options })).queue;
}

/** Expects that the broker closes the channel with `code`; the connection must go on. */
async function refused(code, step) {
  await withChannel(async (channel, connection) => {
    const closed = new Promise((resolve) => channel.once("error", resolve));
    await assert.rejects(soon(step(channel), "an answer"));
    assert.equal((await soon(closed, "channel.close")).code, code);
    await queue(await connection.createChannel());
  });
}

test("messages_arrive_in_order_and_are_acknowledged", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    for (let number = 0; number < 500; number += 1) channel.sendToQueue(name, Buffer.from(String(number)));
    const inbox = await Inbox.open(channel, name);
    for (let number = 0; number < 500; number += 1) {
      const message = await inbox.take();
      assert.equal(message.content.toString(), String(number));
      assert.equal(message.fields.deliveryTag, number + 1);
      assert.equal(message.fields.redelivered, false);
      channel.ack(message);
    }
    await channel.cancel(inbox.tag);
    await channel.recover();
    assert.equal(await channel.get(name), false);
  }));

test("confirms_come_for_everything", () =>
  withChannel(async (channel) => {
    const name = await queue(channel, { durable: true });
    for (let number = 0; number < 500; number += 1) {
      channel.sendToQueue(name, Buffer.from(String(number)), { persistent: true });
    }
    await soon(channel.waitForConfirms(), "500 confirms");
    assert.equal((await channel.checkQueue(name)).messageCount, 500);
  }, "createConfirmChannel"));

test("a_refused_publish_is_told", () =>
  withChannel(async (channel) => {
    const name = await queue(channel, { maxLength: 1, arguments: { "x-overflow": "reject-publish" } });
    const outcome = (body) =>
      soon(new Promise((resolve) => channel.sendToQueue(name, Buffer.from(body), {}, resolve)), "a confirm");
    assert.equal(await outcome("first"), null);
    assert.ok((await outcome("second")) instanceof Error);
  }, "createConfirmChannel"));

test("what_is_mandatory_comes_back", () =>
  withChannel(async (channel) => {
    const returned = new Promise((resolve) => channel.once("return", resolve));
    const key = unique("nobody-");
    channel.publish("amq.direct", key, Buffer.from("x"), { mandatory: true, messageId: "m" });
    const { fields, properties, content } = await soon(returned, "basic.return");
    assert.deepEqual([fields.replyCode, fields.replyText, fields.routingKey], [312, "NO_ROUTE", key]);
    assert.deepEqual([properties.messageId, content.toString()], ["m", "x"]);
  }));

test("bodies_of_every_size_arrive", () =>
  withChannel(async (channel, connection) => {
    const name = await queue(channel);
    const frame = connection.connection.frameMax - 8;
    for (const size of [0, 1, frame - 1, frame, frame + 1, 2 * frame, MIB + 3]) {
      const body = randomBytes(size);
      channel.sendToQueue(name, body);
      await channel.checkQueue(name);
      const message = await channel.get(name, { noAck: true });
      assert.ok(message && message.content.equals(body), `${size} bytes`);
    }
  }));

test("typed_headers_come_back", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    const headers = {
      yes: true,
      no: false,
      nothing: null,
      tiny: 1,
      short: 300,
      int: -70000,
      long: 2 ** 40,
      double: 0.1,
      text: "ünï 漢字 😀",
      bytes: Buffer.from([0, 255]),
      list: [1, "two", [3.5, { four: true }]],
      table: { a: { b: { c: -1 } } },
      byte: { "!": "int8", value: -5 },
      unsigned: { "!": "uint8", value: 200 },
      int16: { "!": "int16", value: -300 },
      uint16: { "!": "uint16", value: 60000 },
      int32: { "!": "int32", value: -5 },
      uint32: { "!": "uint32", value: 4e9 },
      int64: { "!": "int64", value: -5 },
      float: { "!": "float", value: 0.5 },
      decimal: { "!": "decimal", value: { digits: 12345, places: 2 } },
      when: { "!": "timestamp", value: 1700000000 },
    };
    channel.sendToQueue(name, Buffer.alloc(0), { headers });
    await channel.checkQueue(name);
    const back = (await channel.get(name)).properties.headers;
    const plain = (value) => (value && value["!"] && value["!"] !== "decimal" ? value.value : value);
    for (const [key, value] of Object.entries(headers)) {
      const got = key === "decimal" || key === "when" ? back[key] : plain(back[key]);
      assert.deepEqual(got, key === "decimal" || key === "when" ? value : plain(value), key);
    }
    assert.deepEqual(Object.keys(back), Object.keys(headers));
  }));

test("every_property_comes_back", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    const options = {
      contentType: "application/json",
      contentEncoding: "gzip",
      deliveryMode: 2,
      priority: 3,
      correlationId: "c",
      replyTo: "r",
      expiration: "60000",
      messageId: "m",
      timestamp: 1700000000,
      type: "t",
      appId: "a",
    };
    channel.sendToQueue(name, Buffer.from("x"), options);
    await channel.checkQueue(name);
    const { properties } = await channel.get(name);
    for (const [key, value] of Object.entries(options)) assert.equal(properties[key], value, key);
  }));

test("the_server_names_a_consumer_that_has_no_tag", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    const one = await Inbox.open(channel, name);
    const other = await Inbox.open(channel, name);
    assert.match(one.tag, /^amq\.ctag-/);
    assert.notEqual(one.tag, other.tag);
  }));

test("nack_and_reject_give_back_or_drop", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    for (const text of ["a", "b", "c"]) channel.sendToQueue(name, Buffer.from(text));
    await channel.checkQueue(name);
    const [a, b, c] = [await channel.get(name), await channel.get(name), await channel.get(name)];
    channel.nack(a);
    channel.nack(b, false, false);
    channel.reject(c, true);
    const inbox = await Inbox.open(channel, name);
    const [first, second] = [await inbox.take(), await inbox.take()];
    assert.deepEqual([first, second].map((message) => [message.fields.redelivered, message.content.toString()]), [
      [true, "a"],
      [true, "c"],
    ]);
    channel.nackAll(true);
    assert.deepEqual(await inbox.texts(2), ["a", "c"]);
    channel.ackAll();
    await channel.cancel(inbox.tag);
    assert.equal(await channel.get(name), false);
  }));

test("prefetch_limits_what_is_unsettled", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    for (let number = 0; number < 10; number += 1) channel.sendToQueue(name, Buffer.from(String(number)));
    await channel.prefetch(2);
    const inbox = await Inbox.open(channel, name);
    const [first] = [await inbox.take(), await inbox.take()];
    assert.equal((await channel.checkQueue(name)).messageCount, 8);
    channel.ack(first);
    assert.deepEqual(await inbox.texts(1), ["2"]);
  }));

test("deleting_a_queue_ends_its_consumers", () =>
  withChannel(async (channel) => {
    const name = await queue(channel);
    const inbox = await Inbox.open(channel, name);
    await channel.deleteQueue(name);
    assert.equal(await inbox.take(), null, "amqplib says null for basic.cancel");
    await queue(channel);
  }));

test("topics_fan_out_by_pattern", () =>
  withChannel(async (channel) => {
    const names = [];
    const root = unique("root");
    for (const pattern of ["*.red", "#", "big.*"]) {
      const name = await queue(channel);
      await channel.bindQueue(name, "amq.topic", `${root}.${pattern}`);
      names.push(name);
    }
    for (const key of ["big.red", "small.red", "big.blue", "small.blue.round"]) {
      channel.publish("amq.topic", `${root}.${key}`, Buffer.from(key));
    }
    const counts = [];
    for (const name of names) counts.push((await channel.checkQueue(name)).messageCount);
    assert.deepEqual(counts, [2, 4, 2]);
  }));

test("a_question_is_answered_through_a_queue", () =>
  withChannel(async (client, connection) => {
    const server = await connection.createChannel();
    const requests = await queue(server);
    await server.consume(requests, (message) => {
      const { replyTo, correlationId } = message.properties;
      server.sendToQueue(replyTo, Buffer.from(String(Number(message.content) ** 2)), { correlationId });
      server.ack(message);
    });
    const answers = await queue(client);
    const inbox = await Inbox.open(client, answers, { noAck: true });
    for (let number = 1; number <= 10; number += 1) {
      const correlationId = unique("q-");
      client.sendToQueue(requests, Buffer.from(String(number)), { replyTo: answers, correlationId });
      const answer = await inbox.take();
      assert.equal(answer.properties.correlationId, correlationId);
      assert.equal(answer.content.toString(), String(number * number));
    }
  }));

test("errors_close_the_channel_with_their_code", async () => {
  await refused(404, (channel) => channel.checkQueue(unique("never-")));
  await refused(404, (channel) => channel.bindQueue(unique("never-"), "amq.topic", "k"));
  await refused(403, (channel) => channel.assertQueue("amq.mine"));
  await refused(406, async (channel) => {
    const name = unique("twice-");
    await channel.assertQueue(name, { exclusive: true });
    await channel.assertQueue(name, { exclusive: true, messageTtl: 5 });
  });
});

test("heartbeats_keep_an_idle_connection", async () => {
  const connection = await connect({ heartbeat: 2 });
  const broken = new Promise((resolve) => connection.once("error", resolve));
  const idle = new Promise((resolve) => setTimeout(resolve, 5500, "idle"));
  assert.equal(await Promise.race([broken, idle]), "idle");
  await queue(await connection.createChannel());
  await connection.close();
});

test("dead_letters_say_why", () =>
  withChannel(async (channel) => {
    const dead = await queue(channel);
    const name = await queue(channel, { deadLetterExchange: "", deadLetterRoutingKey: dead });
    channel.sendToQueue(name, Buffer.from("x"));
    await channel.checkQueue(name);
    channel.nack(await channel.get(name), false, false);
    const inbox = await Inbox.open(channel, dead);
    const { headers } = (await inbox.take()).properties;
    assert.equal(headers["x-first-death-reason"], "rejected");
    assert.equal(headers["x-death"][0].count, 1);
    assert.equal(headers["x-death"][0].queue, name);
  }));

await run();

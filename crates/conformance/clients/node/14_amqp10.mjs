// AMQP 1.0 with rhea.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import rhea from "rhea";

import { AMQP_PORT, CERTIFICATE, PEER, TLS, run, soon, test, testUnlike, unique } from "./suite.mjs";

const { types } = rhea;

function once(emitter, event, what = event) {
  return soon(new Promise((resolve) => emitter.once(event, resolve)), what);
}

async function connect(options = {}) {
  const container = rhea.create_container({ id: unique("rhea-"), ...options.container });
  const connection = container.connect({
    host: "127.0.0.1",
    port: AMQP_PORT,
    ...(TLS && { transport: "tls", ...CERTIFICATE }),
    username: "guest",
    password: "guest",
    reconnect: false,
    ...options,
  });
  await once(connection, "connection_open");
  connection.on("disconnected", () => {});
  return connection;
}

/** Calls `body` with a connection of its own. */
async function withConnection(body, options) {
  const connection = await connect(options);
  connection.on("connection_error", () => {});
  try {
    await body(connection);
  } finally {
    if (connection.is_open()) {
      const closed = once(connection, "connection_close");
      connection.close();
      await closed;
    }
  }
}

function node() {
  const name = unique(`rhea-${process.pid}-`);
  return PEER === "rabbitmq" ? `/queue/${name}` : name;
}

function topic() {
  const name = unique(`rhea-${process.pid}-`);
  return PEER === "rabbitmq" ? `/topic/${name}` : `topic://${name}`;
}

/** A sender, once it has credit. */
async function sender(connection, target, options = {}) {
  const link = connection.open_sender({ target, ...options });
  await once(link, "sendable", `credit for ${JSON.stringify(target)}`);
  return link;
}

/** Sends, and resolves to the outcome's name. */
function send(link, message) {
  const delivery = link.send(message);
  link.setMaxListeners(0);
  return soon(
    new Promise((resolve) => {
      const listen = (event) => {
        const listener = (context) => {
          if (context.delivery !== delivery) return;
          link.removeListener(event, listener);
          resolve(event);
        };
        link.on(event, listener);
      };
      ["accepted", "rejected", "released", "modified"].forEach(listen);
    }),
    "an outcome",
  );
}

/** A receiver whose credit is the test's business. */
class Inbox {
  #arrived = [];
  #waiting = [];

  static async open(connection, source, options = {}) {
    const inbox = new Inbox();
    inbox.link = connection.open_receiver({ source, credit_window: 0, autoaccept: false, ...options });
    inbox.link.on("message", (context) => inbox.#arrive(context));
    await once(inbox.link, "receiver_open");
    return inbox;
  }

  #arrive(context) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(context);
    else this.#arrived.push(context);
  }

  get waiting() {
    return this.#arrived.length;
  }

  /** The next message and its delivery; gives a credit when there is none. */
  one() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    const next = soon(new Promise((resolve) => this.#waiting.push(resolve)), "a message");
    if (this.link.credit === 0) this.link.add_credit(1);
    return next;
  }

  async take() {
    const { message, delivery } = await this.one();
    delivery.accept();
    return message;
  }

  async bodies(count) {
    const bodies = [];
    while (bodies.length < count) bodies.push((await this.take()).body);
    return bodies;
  }

  async drain() {
    const drained = once(this.link, "receiver_drained");
    this.link.drain_credit();
    await drained;
    this.link.drain = false;
  }

  async empty() {
    if (PEER === "rabbitmq") return;
    this.link.add_credit(1);
    await this.drain();
    assert.equal(this.waiting, 0, "nothing is there");
  }
}

test("plain_and_anonymous_connect", async () => {
  await withConnection(async (connection) => {
    assert.equal(await send(await sender(connection, node()), { body: "x" }), "accepted");
  });
  await withConnection(
    async (connection) => {
      assert.equal(await send(await sender(connection, node()), { body: "x" }), "accepted");
    },
    { username: undefined, password: undefined },
  );
});

test("messages_arrive_in_order", () =>
  withConnection(async (connection) => {
    const address = node();
    const link = await sender(connection, address);
    const inbox = await Inbox.open(connection, address);
    inbox.link.add_credit(200);
    const outcomes = [];
    for (let number = 0; number < 200; number += 1) {
      if (!link.sendable()) await once(link, "sendable");
      outcomes.push(send(link, { body: number }));
    }
    assert.deepEqual(await inbox.bodies(200), Array.from({ length: 200 }, (_, number) => number));
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["accepted"]));
  }));

test("bodies_of_every_kind_arrive_unchanged", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    for (const body of ["", "ünï 漢字 😀", 5, -5, 2 ** 40, 0.5, true, false]) {
      await send(link, { body });
      assert.deepEqual((await inbox.take()).body, body);
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 255]), randomBytes(1024 * 1024)]) {
      await send(link, { body: rhea.message.data_section(bytes) });
      const { body } = await inbox.take();
      assert.equal(body.typecode, 0x75);
      assert.ok(Buffer.from(body.content).equals(bytes), `${bytes.length} bytes`);
    }
  }));

testUnlike({ rabbitmq: "cannot write these again" }, "structured_bodies_arrive_unchanged", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    for (const body of [[1, "two", [3, { four: 4 }]], { a: 1, b: { c: [null, true] } }, []]) {
      await send(link, { body });
      assert.deepEqual((await inbox.take()).body, body);
    }
    await send(link, { body: rhea.message.data_sections([Buffer.from("ab"), Buffer.from("cd")]) });
    const { content } = (await inbox.take()).body;
    assert.equal(Buffer.concat([].concat(content)).toString(), "abcd");
    await send(link, { body: rhea.message.sequence_section([1, "two"]) });
    const { body } = await inbox.take();
    assert.deepEqual([body.typecode, body.content], [0x76, [1, "two"]]);
  }),
);

test("typed_properties_come_back", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    const message = {
      body: "x",
      message_id: "m",
      correlation_id: types.wrap_ulong(7),
      subject: "news",
      reply_to: "answers",
      content_type: "text/plain",
      content_encoding: "identity",
      absolute_expiry_time: 4102444800000,
      creation_time: 1700000000123,
      group_id: "g",
      group_sequence: 3,
      reply_to_group_id: "r",
      durable: true,
      priority: 8,
      ttl: 60000,
      application_properties: {
        text: "漢 😀",
        int: types.wrap_int(-5),
        long: types.wrap_long(2 ** 40),
        ulong: types.wrap_ulong(2 ** 40),
        double: types.wrap_double(0.1),
        float: types.wrap_float(0.5),
        yes: true,
        when: types.wrap_timestamp(1700000000123),
        bytes: types.wrap_binary(Buffer.from([0, 255])),
        symbol: types.wrap_symbol("s"),
        ubyte: types.wrap_ubyte(200),
        short: types.wrap_short(-300),
      },
      message_annotations: { "x-opt-note": "n", "x-opt-number": types.wrap_ubyte(7) },
    };
    await send(link, message);
    const back = await inbox.take();
    const plain = (value) => (value?.constructor?.name === "Typed" ? value.value : value);
    const number = (value) => (value instanceof Date ? value.getTime() : value);
    for (const [key, value] of Object.entries(message)) {
      if (["application_properties", "message_annotations", "ttl", "content_type", "content_encoding"].includes(key)) continue;
      assert.deepEqual(number(plain(back[key])), plain(value), key);
    }
    assert.equal(String(back.content_type), "text/plain");
    assert.equal(String(back.content_encoding), "identity");
    for (const [key, value] of Object.entries(message.application_properties)) {
      const got = back.application_properties[key];
      const wanted = plain(value);
      if (key === "when") assert.equal(Number(got), wanted, key);
      else assert.deepEqual(plain(got), wanted, key);
    }
    assert.equal(back.message_annotations["x-opt-note"], "n");
    assert.equal(back.message_annotations["x-opt-number"], 7);
  }));

test("outcomes_decide_what_comes_again", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    await send(link, { body: "x" });
    const first = await inbox.one();
    first.delivery.release();
    const second = await inbox.one();
    assert.equal(second.message.delivery_count ?? 0, 0);
    second.delivery.reject({ condition: "test:bad", description: "cannot be read" });
    await inbox.empty();
  }));

testUnlike({ rabbitmq: "knows no modified before 4.0" }, "failed_deliveries_are_counted", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    await send(link, { body: "x" });
    for (let number = 0; number < 3; number += 1) {
      const { message, delivery } = await inbox.one();
      assert.equal(message.delivery_count ?? 0, number);
      delivery.modified({ delivery_failed: true, undeliverable_here: false });
    }
    assert.equal((await inbox.take()).delivery_count, 3);
  }),
);

test("credit_limits_what_comes", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    for (let number = 0; number < 6; number += 1) await send(link, { body: number });
    inbox.link.add_credit(2);
    assert.deepEqual(await inbox.bodies(2), [0, 1]);
    // An outcome on another link comes after everything that was on the way.
    await send(await sender(connection, node()), { body: "sync" });
    assert.equal(inbox.waiting, 0);
    inbox.link.add_credit(4);
    assert.deepEqual(await inbox.bodies(4), [2, 3, 4, 5]);
  }));

testUnlike({ rabbitmq: "never ends a drain before 4.0" }, "a_drain_hands_out_what_is_there_and_ends_the_credit", () =>
  withConnection(async (connection) => {
    const address = node();
    const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
    for (const body of ["a", "b"]) await send(link, { body });
    inbox.link.add_credit(10);
    await inbox.drain();
    assert.equal(inbox.waiting, 2);
    assert.equal(inbox.link.credit, 0);
    await send(link, { body: "later" });
    await send(await sender(connection, node()), { body: "sync" });
    assert.equal(inbox.waiting, 2);
    assert.deepEqual(await inbox.bodies(3), ["a", "b", "later"]);
  }),
);

test("settled_messages_need_no_outcome", () =>
  withConnection(async (connection) => {
    const address = node();
    const link = await sender(connection, address, { snd_settle_mode: 1 });
    const inbox = await Inbox.open(connection, address, { snd_settle_mode: 1 });
    inbox.link.add_credit(5);
    for (const body of ["a", "b", "c"]) link.send({ body });
    for (const body of ["a", "b", "c"]) {
      const { message, delivery } = await inbox.one();
      assert.deepEqual([message.body, delivery.remote_settled], [body, true]);
    }
  }));

test("small_frames_carry_a_large_message", () =>
  withConnection(
    async (connection) => {
      const address = node();
      const [link, inbox] = [await sender(connection, address), await Inbox.open(connection, address)];
      const body = randomBytes(300_000).toString("base64");
      await send(link, { body });
      assert.equal((await inbox.take()).body, body);
    },
    { max_frame_size: 4096 },
  ));

testUnlike({ rabbitmq: "has no dynamic sources before 4.0" }, "a_question_is_answered_through_a_dynamic_node", () =>
  withConnection(async (connection) => {
    const address = node();
    const requests = await Inbox.open(connection, address);
    const answers = await Inbox.open(connection, { dynamic: true });
    const { address: replyTo } = answers.link.source;
    assert.ok(replyTo, "a name");
    const [link, relay] = [await sender(connection, address), await sender(connection, {})];
    for (let number = 1; number <= 5; number += 1) {
      await send(link, { body: number, reply_to: replyTo, correlation_id: `q-${number}` });
      const { body, reply_to: to, correlation_id } = await requests.take();
      assert.equal(await send(relay, { to, body: body * body, correlation_id }), "accepted");
      const answer = await answers.take();
      assert.deepEqual([answer.body, answer.correlation_id], [number * number, `q-${number}`]);
    }
  }),
);

test("a_topic_reaches_every_receiver", () =>
  withConnection(async (connection) => {
    const address = topic();
    const inboxes = [await Inbox.open(connection, address), await Inbox.open(connection, address)];
    for (const inbox of inboxes) inbox.link.add_credit(5);
    const link = await sender(connection, address);
    for (const body of ["a", "b"]) await send(link, { body });
    for (const inbox of inboxes) assert.deepEqual(await inbox.bodies(2), ["a", "b"]);
  }));

testUnlike({ rabbitmq: "has no selectors before 4.1" }, "a_selector_chooses", () =>
  withConnection(async (connection) => {
    const address = node();
    const link = await sender(connection, address);
    for (const colour of ["red", "blue"]) await send(link, { body: colour, application_properties: { colour } });
    const inbox = await Inbox.open(connection, { address, filter: rhea.filter.selector("colour = 'blue'") });
    assert.equal((await inbox.take()).body, "blue");
    await inbox.empty();
  }),
);

testUnlike({ rabbitmq: "has no browsers here" }, "a_browser_takes_nothing_away", () =>
  withConnection(async (connection) => {
    const address = node();
    const link = await sender(connection, address);
    for (const body of ["a", "b"]) await send(link, { body });
    const browser = await Inbox.open(connection, { address, distribution_mode: "copy" });
    browser.link.add_credit(5);
    assert.deepEqual(await browser.bodies(2), ["a", "b"]);
    browser.link.close();
    assert.deepEqual(await (await Inbox.open(connection, address)).bodies(2), ["a", "b"]);
  }),
);

testUnlike({ rabbitmq: "has no durable subscriptions here" }, "a_durable_subscription_collects", async () => {
  const [id, name, address] = [unique("rhea-container-"), unique("rhea-sub-"), topic()];
  const subscribe = (connection) =>
    Inbox.open(connection, { address, durable: 2, expiry_policy: "never" }, { name });
  await withConnection(
    async (connection) => {
      const inbox = await subscribe(connection);
      const detached = once(inbox.link, "receiver_close");
      inbox.link.detach();
      await detached.catch(() => {});
      await send(await sender(connection, address), { body: "away", durable: true });
    },
    { container: { id }, container_id: id },
  );
  await withConnection(
    async (connection) => {
      const inbox = await subscribe(connection);
      assert.equal((await inbox.take()).body, "away");
      inbox.link.close();
    },
    { container: { id }, container_id: id },
  );
});

// A JMS client unsubscribes so: it attaches the link's name without any source, and closes it.
testUnlike({ rabbitmq: "has no durable subscriptions here" }, "a_durable_subscription_is_found_by_its_name", async () => {
  const [id, name, address] = [unique("rhea-container-"), unique("rhea-sub-"), topic()];
  const source = { address, durable: 2, expiry_policy: "never" };
  const options = { container: { id }, container_id: id };
  await withConnection(async (connection) => void (await Inbox.open(connection, source, { name })), options);
  await withConnection(async (connection) => {
    const { link } = await Inbox.open(connection, undefined, { name });
    assert.equal(link.remote.attach.source?.address, address);
    const closed = once(link, "receiver_close");
    link.close();
    await closed;
  }, options);
  await withConnection(async (connection) => {
    const link = connection.open_receiver({ name, source: undefined, credit_window: 0 });
    await once(link, "receiver_error");
    assert.equal(link.error.condition, "amqp:not-found");
  }, options);
});

testUnlike({ rabbitmq: "closes the session" }, "an_address_that_is_none_is_refused", () =>
  withConnection(async (connection) => {
    const link = connection.open_sender("/exchanges/" + unique("never-") + "/key");
    await once(link, "sender_error");
    assert.match(link.error.condition, /^amqp:/);
    assert.equal(await send(await sender(connection, node()), { body: "the connection goes on" }), "accepted");
  }),
);

await run();

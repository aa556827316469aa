// STOMP with stompjs over TCP.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import tls from "node:tls";

import { Client as Stomp } from "@stomp/stompjs";
import { TCPWrapper } from "@stomp/tcp-wrapper";

import { CERTIFICATE, PEER, STOMP_PORT, TLS, run, soon, test, testUnlike, unique } from "./suite.mjs";

/** What stompjs takes for a WebSocket. */
class Socket extends TCPWrapper {
  getSocket(port, host) {
    return TLS ? tls.connect({ port, host, ...CERTIFICATE }) : super.getSocket(port, host);
  }
}

class Client {
  #arrived = [];
  #waiting = [];

  static async connect({ versions = ["1.2"], beats = [0, 0], headers = {} } = {}) {
    const client = new Client();
    const stomp = new Stomp({
      webSocketFactory: () => new Socket("127.0.0.1", STOMP_PORT),
      reconnectDelay: 0,
      heartbeatIncoming: beats[0],
      heartbeatOutgoing: beats[1],
      connectHeaders: { login: "guest", passcode: "guest", host: "/", ...headers },
      forceBinaryWSFrames: true,
      splitLargeFrames: false,
    });
    stomp.stompVersions = { versions, supportedVersions: () => versions.join(","), protocolVersions: () => [] };
    client.stomp = stomp;
    client.error = new Promise((resolve) => (stomp.onStompError = resolve));
    client.closed = new Promise((resolve) => (stomp.onWebSocketClose = resolve));
    const connected = new Promise((resolve) => (stomp.onConnect = resolve));
    stomp.activate();
    client.connected = (await soon(connected, "CONNECTED")).headers;
    return client;
  }

  /** Does `step(receipt)` and waits for the receipt. */
  #receipt(step) {
    const receipt = unique("receipt-");
    const answered = new Promise((resolve) => this.stomp.watchForReceipt(receipt, resolve));
    step(receipt);
    return soon(answered, "RECEIPT");
  }

  send(destination, body, headers = {}) {
    const content = typeof body === "string" ? { body } : { binaryBody: new Uint8Array(body) };
    return this.#receipt((receipt) => this.stomp.publish({ destination, headers: { ...headers, receipt }, ...content }));
  }

  async subscribe(destination, headers = {}) {
    let subscription;
    await this.#receipt((receipt) => {
      const arrive = (message) => this.#arrive(message);
      subscription = this.stomp.subscribe(destination, arrive, { ...headers, receipt });
    });
    return subscription;
  }

  unsubscribe(subscription) {
    return this.#receipt((receipt) => subscription.unsubscribe({ receipt }));
  }

  ack(message) {
    return this.#receipt((receipt) => message.ack({ receipt }));
  }

  nack(message) {
    return this.#receipt((receipt) => message.nack({ receipt }));
  }

  #arrive(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#arrived.push(message);
  }

  take() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return soon(new Promise((resolve) => this.#waiting.push(resolve)), "a message");
  }

  async texts(count) {
    const texts = [];
    while (texts.length < count) texts.push((await this.take()).body);
    return texts;
  }

  /** Asserts that nothing is on the way: a message sent now is the next to arrive. */
  async nothing() {
    const destination = unique("/queue/js-sentinel-");
    const subscription = await this.subscribe(destination);
    await this.send(destination, "sentinel");
    assert.equal((await this.take()).body, "sentinel");
    await this.unsubscribe(subscription);
  }

  async end() {
    const gone = new Promise((resolve) => (this.stomp.onDisconnect = resolve));
    await this.stomp.deactivate();
    await soon(gone, "the receipt of DISCONNECT");
  }
}

function name(kind = "queue") {
  return unique(`/${kind}/js-${process.pid}-`);
}

test("every_version_connects_and_leaves", async () => {
  for (const version of ["1.0", "1.1", "1.2"]) {
    const client = await Client.connect({ versions: [version] });
    assert.equal(client.connected.version ?? "1.0", version);
    await client.nothing();
    await client.end();
  }
});

test("the_newest_common_version_is_taken", async () => {
  const client = await Client.connect({ versions: ["1.0", "1.1", "1.2"] });
  assert.equal(client.connected.version, "1.2");
  await client.end();
});

test("heart_beats_keep_an_idle_connection", async () => {
  const client = await Client.connect({ beats: [2000, 2000] });
  const idle = new Promise((resolve) => setTimeout(resolve, 5000, "idle"));
  assert.equal(await Promise.race([client.closed, idle]), "idle");
  await client.nothing();
  await client.end();
});

test("messages_arrive_unchanged", async () => {
  const client = await Client.connect();
  const destination = name();
  await client.subscribe(destination);
  for (const text of ["", "text", "ünï 漢字 😀", "a\nb\n\n"]) {
    await client.send(destination, text, { colour: "red", marks: "a:b\nd" });
    const message = await client.take();
    assert.equal(message.body, text);
    assert.deepEqual([message.headers.colour, message.headers.marks], ["red", "a:b\nd"]);
    assert.equal(message.headers.destination, destination);
  }
  for (const bytes of [Buffer.from([0]), Buffer.from([0, 255, 0, 1]), randomBytes(1024 * 1024)]) {
    await client.send(destination, bytes, { "content-type": "application/octet-stream" });
    const message = await client.take();
    assert.ok(Buffer.from(message.binaryBody).equals(bytes), `${bytes.length} bytes`);
    assert.equal(message.headers["content-type"], "application/octet-stream");
  }
  await client.end();
});

test("many_messages_keep_their_order", async () => {
  const client = await Client.connect();
  const destination = name();
  await client.subscribe(destination);
  const wanted = Array.from({ length: 500 }, (_, number) => String(number));
  await Promise.all(wanted.map((text) => client.send(destination, text)));
  assert.deepEqual(await client.texts(500), wanted);
  await client.end();
});

test("client_individual_acknowledges_one", async () => {
  const destination = name();
  const client = await Client.connect();
  for (const text of ["a", "b", "c"]) await client.send(destination, text);
  await client.subscribe(destination, { ack: "client-individual" });
  const [, b] = [await client.take(), await client.take(), await client.take()];
  await client.ack(b);
  await client.end();
  const other = await Client.connect();
  await other.subscribe(destination);
  assert.deepEqual(await other.texts(2), ["a", "c"]);
  await other.nothing();
  await other.end();
});

test("client_acknowledges_everything_before", async () => {
  const destination = name();
  const client = await Client.connect({ versions: ["1.1"] });
  for (const text of ["a", "b", "c"]) await client.send(destination, text);
  await client.subscribe(destination, { ack: "client" });
  const [, b] = [await client.take(), await client.take(), await client.take()];
  await client.ack(b);
  await client.end();
  const other = await Client.connect();
  await other.subscribe(destination);
  assert.deepEqual(await other.texts(1), ["c"]);
  await other.nothing();
  await other.end();
});

testUnlike({ rabbitmq: "gives it back to the queue" }, "a_refused_message_becomes_a_dead_letter", async () => {
  const client = await Client.connect();
  await client.send("/queue/jobs", "js-bad", { persistent: "true" });
  await client.subscribe("/queue/jobs", { ack: "client-individual" });
  await client.nack(await client.take());
  await client.subscribe(PEER === "activemq" ? "/queue/ActiveMQ.DLQ" : "/queue/dead");
  assert.equal((await client.take()).body, "js-bad");
  await client.end();
});

test("transactions_commit_or_abort", async () => {
  const client = await Client.connect();
  const destination = name();
  await client.subscribe(destination);
  const aborted = client.stomp.begin();
  client.stomp.publish({ destination, body: "never", headers: { transaction: aborted.id } });
  aborted.abort();
  const committed = client.stomp.begin();
  for (const body of ["1", "2"]) client.stomp.publish({ destination, body, headers: { transaction: committed.id } });
  committed.commit();
  assert.deepEqual(await client.texts(2), ["1", "2"]);
  await client.nothing();
  await client.end();
});

test("a_topic_reaches_every_subscriber", async () => {
  const destination = name("topic");
  const clients = [await Client.connect(), await Client.connect()];
  for (const client of clients) await client.subscribe(destination);
  await clients[0].send(destination, "to all");
  for (const client of clients) {
    assert.deepEqual(await client.texts(1), ["to all"]);
    await client.end();
  }
});

testUnlike({ rabbitmq: "stays open", activemq: "takes any destination" }, "an_error_says_what_and_closes", async () => {
  const client = await Client.connect();
  client.stomp.publish({ destination: "/nonsense/x", body: "x", headers: { receipt: "bad" } });
  const error = await soon(client.error, "ERROR");
  assert.ok(error.headers.message);
  assert.equal(error.headers["receipt-id"], "bad");
  await soon(client.closed, "the end of the connection");
});

await run();

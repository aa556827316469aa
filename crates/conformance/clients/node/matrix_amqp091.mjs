// amqplib in the conversion matrix: what lines of JSON on stdin ask for, as `../python/matrix.py` says it.
import { createInterface } from "node:readline";

import amqp from "amqplib";

import { AMQP_PORT, CERTIFICATE, DEADLINE, TLS } from "./suite.mjs";

const TOPIC = "amq.topic";
const SAID = (
  "body content_type correlation_id message_id durable ttl priority reply_to timestamp subject properties group"
).split(" ");

const connection = await amqp.connect(`${TLS ? "amqps" : "amqp"}://guest:guest@127.0.0.1:${AMQP_PORT}`, CERTIFICATE);
const channel = await connection.createConfirmChannel();
const listeners = new Map();

/** The value of `[type, value]` as amqplib writes it with that type. */
function decode([type, value]) {
  switch (type) {
    case "binary":
      return Buffer.from(value, "base64");
    case "int":
    case "long":
    case "double":
      return { "!": type, value };
    case "list":
      return value.map(decode);
    case "map":
      return Object.fromEntries(value.map(([name, item]) => [name, decode(item)]));
    default:
      return value;
  }
}

/** `[type, value]`; amqplib does not tell the width of numbers. */
function encode(value) {
  if (value === null || value === undefined) return ["null", null];
  if (typeof value === "boolean") return ["bool", value];
  if (typeof value === "number") return [Number.isInteger(value) ? "integer" : "double", value];
  if (typeof value === "string") return ["string", value];
  if (Buffer.isBuffer(value)) return ["binary", value.toString("base64")];
  if (Array.isArray(value)) return ["list", value.map(encode)];
  if (value["!"] === "timestamp") return ["timestamp", value.value * 1000];
  const pairs = Object.entries(value).map(([name, item]) => [name, encode(item)]);
  return ["map", pairs.sort(([a], [b]) => (a < b ? -1 : 1))];
}

function target({ queue, topic }) {
  return queue === undefined ? [TOPIC, topic.join(".")] : ["", queue];
}

async function send(address, message) {
  const headers = Object.entries(message.properties ?? {}).map(([name, pair]) => [name, decode(pair)]);
  if (message.group) headers.push(["JMSXGroupID", message.group]);
  const options = {
    contentType: message.content_type,
    correlationId: message.correlation_id?.[1],
    messageId: message.message_id?.[1],
    persistent: message.durable ?? false,
    expiration: message.ttl?.toString(),
    priority: message.priority,
    replyTo: message.reply_to?.queue,
    timestamp: message.timestamp === undefined ? undefined : Math.floor(message.timestamp / 1000),
    type: message.subject,
    headers: Object.fromEntries(headers),
  };
  const body = Buffer.from(message.body[1], message.body[0] === "binary" ? "base64" : "utf8");
  const [exchange, key] = target(address);
  channel.publish(exchange, key, body, options);
  await channel.waitForConfirms();
  return { unsaid: Object.keys(message).filter((name) => !SAID.includes(name)).sort() };
}

async function listen(address) {
  const { queue } = await channel.assertQueue("", { exclusive: true });
  const [exchange, key] = target(address);
  await channel.bindQueue(queue, exchange, key);
  listeners.set(key, queue);
  return {};
}

/** The next message, waiting for it. */
async function get(address) {
  const queue = address.queue ?? listeners.get(target(address)[1]);
  for (const end = Date.now() + DEADLINE; Date.now() < end; ) {
    const message = await channel.get(queue);
    if (message) return message;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no message in ${queue}`);
}

async function take(address) {
  const message = await get(address);
  channel.ack(message);
  return { message: describe(message) };
}

async function giveBack(address) {
  const message = await get(address);
  channel.nack(message, false, true);
  return { message: describe(message) };
}

function describe({ content, fields, properties }) {
  const { JMSXGroupID: group, "x-delivery-count": count, ...headers } = properties.headers ?? {};
  const string = (text) => (text === undefined ? undefined : ["string", text]);
  return {
    body: ["binary", content.toString("base64")],
    redelivered: fields.redelivered,
    count,
    content_type: properties.contentType,
    correlation_id: string(properties.correlationId),
    message_id: string(properties.messageId),
    durable: properties.deliveryMode === 2,
    ttl: properties.expiration === undefined ? undefined : Number(properties.expiration),
    priority: properties.priority,
    reply_to: properties.replyTo === undefined ? undefined : { queue: properties.replyTo },
    timestamp: properties.timestamp === undefined ? undefined : properties.timestamp * 1000,
    subject: properties.type,
    group,
    properties: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, encode(value)])),
  };
}

const acts = { send, listen, take, return: giveBack };
for await (const line of createInterface({ input: process.stdin })) {
  const { do: act, to, message } = JSON.parse(line);
  const answer = await acts[act](to, message).catch((error) => ({ error: `${error.name}: ${error.message}` }));
  console.log(JSON.stringify(answer));
}
await connection.close();

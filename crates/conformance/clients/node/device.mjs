// mqtt.js with a queue of messages in front: every step waits for the broker's answer.
import mqtt from "mqtt";

import { CERTIFICATE, MQTT_PORT, TLS, skip, soon, test, unique } from "./suite.mjs";

/** Options of mqtt.connect for a protocol level. */
function versioned(version) {
  return version === 3 ? { protocolId: "MQIsdp", protocolVersion: 3 } : { protocolVersion: version };
}

export class Device {
  #arrived = [];
  #waiting = [];

  /** Connects; `options` go to mqtt.connect, `version` is 3, 4 or 5. */
  static async connect({ version = 4, ...options } = {}) {
    const device = new Device();
    device.client = mqtt.connect(`${TLS ? "mqtts" : "mqtt"}://127.0.0.1:${MQTT_PORT}`, {
      ...CERTIFICATE,
      clientId: unique("js-"),
      reconnectPeriod: 0,
      ...versioned(version),
      ...options,
    });
    device.client.on("message", (topic, payload, packet) => device.#arrive({ topic, payload, packet }));
    device.closed = new Promise((resolve) => device.client.once("close", resolve));
    device.connack = await soon(
      new Promise((resolve, reject) => {
        device.client.once("connect", resolve);
        device.client.once("error", reject);
      }),
      "CONNACK",
    );
    return device;
  }

  #arrive(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#arrived.push(message);
  }

  /** The next message: { topic, payload, packet }. */
  take() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return soon(new Promise((resolve) => this.#waiting.push(resolve)), "a message");
  }

  async takeTexts(count) {
    const texts = [];
    while (texts.length < count) texts.push((await this.take()).payload.toString());
    return texts;
  }

  async subscribe(filter, qos = 0, options = {}) {
    const granted = await soon(this.client.subscribeAsync(filter, { qos, ...options }), `SUBACK for ${filter}`);
    return granted.map((each) => each.qos);
  }

  unsubscribe(filter) {
    return soon(this.client.unsubscribeAsync(filter), `UNSUBACK for ${filter}`);
  }

  publish(topic, payload, options = {}) {
    return soon(this.client.publishAsync(topic, payload, options), `the end of a PUBLISH to ${topic}`);
  }

  /** Fails if anything is on the way: a message sent now must be the next to arrive. */
  async nothing() {
    const topic = unique("sentinel/js-");
    await this.subscribe(topic);
    await this.publish(topic, "sentinel");
    const message = await this.take();
    if (message.topic !== topic) throw new Error(`unexpected ${message.topic}: ${message.payload}`);
    await this.unsubscribe(topic);
  }

  end() {
    return soon(this.client.endAsync(), "the end of the connection");
  }

  /** Cuts the connection without DISCONNECT. */
  async cut() {
    this.client.stream.destroy();
    await soon(this.closed, "the close");
  }
}

async function speaksV5() {
  try {
    await (await Device.connect({ version: 5 })).end();
    return true;
  } catch (error) {
    // 1 and 0x84 tell the client to try an older version.
    if (error.code === 1 || error.code === 0x84) return false;
    throw error;
  }
}

const SPEAKS_V5 = await speaksV5();
export const VERSIONS = SPEAKS_V5 ? [3, 4, 5] : [3, 4];
export const NEWEST = VERSIONS.at(-1);

/** A case that needs MQTT 5, where the broker speaks it. */
export function testOfV5(name, body) {
  if (SPEAKS_V5) test(name, body);
  else skip(name, "MQTT 5 is not spoken");
}

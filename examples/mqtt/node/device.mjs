// A device: publishes three readings over MQTT and waits for the answer to each.
//
// Run: npm install mqtt && node device.mjs    (MQTT_HOST and MQTT_PORT say where; a worker must be running)
import { randomUUID } from "node:crypto";
import { once } from "node:events";

import mqtt from "mqtt";

const { MQTT_HOST = "127.0.0.1", MQTT_PORT = "1883" } = process.env;
const name = `device-${randomUUID().slice(0, 8)}`;
const client = await mqtt.connectAsync(`mqtt://${MQTT_HOST}:${MQTT_PORT}`, { clientId: name });

// `$queue/NAME` is the queue NAME: in SQS it is the queue of the same name.
await client.subscribeAsync(`$queue/answers-${name}`, { qos: 1 });

for (const celsius of [19.5, 21.5, 48.5]) {
  const answered = once(client, "message", { signal: AbortSignal.timeout(30_000) });
  // QoS 1: the broker has stored the message when the publish is confirmed.
  await client.publishAsync("$queue/readings", JSON.stringify({ device: name, celsius }), { qos: 1 });
  const [, payload] = await answered;
  console.log(`sent ${celsius} °C, answer: ${JSON.parse(payload).advice}`);
}

await client.endAsync();

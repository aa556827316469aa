// `$queue/…` with mqtt.js.
import assert from "node:assert/strict";

import { Device, NEWEST } from "./device.mjs";
import { run, test } from "./suite.mjs";

test("messages_wait_and_are_shared", async () => {
  const producer = await Device.connect();
  for (let number = 0; number < 30; number += 1) await producer.publish("$queue/orders", String(number), { qos: 1 });
  const consumers = [await Device.connect({ version: 4 }), await Device.connect({ version: NEWEST })];
  const got = [];
  const all = new Promise((resolve) => {
    for (const consumer of consumers) {
      consumer.client.on("message", (_topic, payload) => {
        got.push(Number(payload.toString()));
        if (got.length === 30) resolve();
      });
    }
  });
  for (const consumer of consumers) await consumer.subscribe("$queue/orders", 1);
  await all;
  assert.deepEqual(got.toSorted((a, b) => a - b), Array.from({ length: 30 }, (_, number) => number));
  for (const device of [producer, ...consumers]) await device.end();
});

await run();

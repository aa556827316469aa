// Retained messages with mqtt.js.
import assert from "node:assert/strict";

import { Device, VERSIONS } from "./device.mjs";
import { run, test, unique } from "./suite.mjs";

test("the_last_one_greets_a_subscriber", async () => {
  for (const version of VERSIONS) {
    const topic = unique("js/kept/");
    const device = await Device.connect({ version });
    await device.publish(topic, "old", { qos: 1, retain: true });
    await device.publish(topic, "new", { qos: 1, retain: true });
    await device.subscribe(topic, 1);
    const message = await device.take();
    assert.equal(message.payload.toString(), "new");
    assert.equal(message.packet.retain, true);
    await device.nothing();
    await device.end();
  }
});

test("an_empty_one_removes_it", async () => {
  const device = await Device.connect();
  await device.publish("js/removed", "x", { qos: 1, retain: true });
  await device.publish("js/removed", "", { qos: 1, retain: true });
  await device.subscribe("js/removed");
  await device.nothing();
  await device.end();
});

await run();

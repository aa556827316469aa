// Subscriptions with mqtt.js.
import assert from "node:assert/strict";

import { Device, NEWEST, VERSIONS, testOfV5 } from "./device.mjs";
import { run, test } from "./suite.mjs";

test("filters_select_topics", async () => {
  for (const version of VERSIONS) {
    const device = await Device.connect({ version });
    await device.subscribe(["js/+/t", "js/rest/#", "js/exact"], 1);
    for (const topic of ["js/x/t", "js/x/y/t", "js/rest", "js/rest/a/b", "js/exact", "js/exact/not"]) {
      await device.publish(topic, topic, { qos: 1 });
    }
    assert.deepEqual(await device.takeTexts(4), ["js/x/t", "js/rest", "js/rest/a/b", "js/exact"]);
    await device.nothing();
    await device.end();
  }
});

test("unsubscribing_stops_delivery", async () => {
  const device = await Device.connect();
  await device.subscribe("js/stop");
  await device.unsubscribe("js/stop");
  await device.publish("js/stop", "unwanted");
  await device.nothing();
  await device.end();
});

test("every_qos_is_granted", async () => {
  const device = await Device.connect({ version: NEWEST });
  for (const qos of [0, 1, 2]) assert.deepEqual(await device.subscribe("js/granted", qos), [qos]);
  await device.end();
});

testOfV5("options_of_v5", async () => {
  const device = await Device.connect({ version: 5 });
  const other = await Device.connect({ version: 5 });
  await device.subscribe("js/own", 1, { nl: true, properties: { subscriptionIdentifier: 300 } });
  await device.publish("js/own", "own", { qos: 1 });
  await other.publish("js/own", "other", { qos: 1 });
  const message = await device.take();
  assert.equal(message.payload.toString(), "other");
  assert.equal(message.packet.properties.subscriptionIdentifier, 300);
  await device.end();
  await other.end();
});

await run();

// Publishing with mqtt.js.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { Device, NEWEST, VERSIONS, testOfV5 } from "./device.mjs";
import { run, test, unique } from "./suite.mjs";

test("every_qos_delivers_in_order", async () => {
  for (const version of VERSIONS) {
    for (const qos of [0, 1, 2]) {
      const topic = unique("js/order/");
      const device = await Device.connect({ version });
      await device.subscribe(topic, qos);
      const wanted = Array.from({ length: 200 }, (_, number) => String(number));
      // mqtt.js does not keep to the server's Receive Maximum by itself.
      for (let from = 0; from < wanted.length; from += 10) {
        await Promise.all(wanted.slice(from, from + 10).map((text) => device.publish(topic, text, { qos })));
      }
      const got = await device.takeTexts(200);
      assert.deepEqual(got, wanted);
      await device.end();
    }
  }
});

test("payloads_arrive_unchanged", async () => {
  const device = await Device.connect({ version: NEWEST });
  await device.subscribe("js/bytes", 2);
  const payloads = [Buffer.alloc(0), Buffer.from([0, 255, 0]), Buffer.from("漢字 😀"), randomBytes(1024 * 1024)];
  for (const payload of payloads) {
    for (const qos of [0, 1, 2]) {
      await device.publish("js/bytes", payload, { qos });
      const message = await device.take();
      assert.ok(message.payload.equals(payload), `${payload.length} bytes at QoS ${qos}`);
      assert.equal(message.packet.qos, qos);
    }
  }
  await device.end();
});

testOfV5("properties_of_v5_arrive_unchanged", async () => {
  const device = await Device.connect({ version: 5 });
  const properties = {
    payloadFormatIndicator: true,
    contentType: "application/json",
    responseTopic: "js/answers",
    correlationData: Buffer.from([0, 1, 255]),
    userProperties: { key: ["one", "two"], other: "three" },
  };
  await device.subscribe("js/props", 1);
  await device.publish("js/props", "{}", { qos: 1, properties });
  const got = (await device.take()).packet.properties;
  assert.equal(got.contentType, properties.contentType);
  assert.equal(got.responseTopic, properties.responseTopic);
  assert.equal(got.payloadFormatIndicator, true);
  assert.deepEqual(got.correlationData, properties.correlationData);
  assert.deepEqual({ ...got.userProperties }, properties.userProperties);
  await device.end();
});

await run();

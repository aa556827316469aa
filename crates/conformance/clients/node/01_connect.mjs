// CONNECT and CONNACK with mqtt.js.
import assert from "node:assert/strict";

import { Device, VERSIONS, testOfV5 } from "./device.mjs";
import { run, soon, test, unique } from "./suite.mjs";

test("every_version_connects_and_leaves", async () => {
  for (const version of VERSIONS) {
    const device = await Device.connect({ version });
    assert.equal(device.connack.sessionPresent, false);
    await device.nothing();
    await device.end();
  }
});

testOfV5("an_empty_id_is_assigned_in_v5", async () => {
  const device = await Device.connect({ version: 5, clientId: "" });
  assert.ok(device.connack.properties.assignedClientIdentifier);
  await device.end();
});

test("a_second_connection_of_the_id_closes_the_first", async () => {
  for (const version of VERSIONS) {
    const clientId = unique("twin-js-");
    const first = await Device.connect({ version, clientId });
    const second = await Device.connect({ version, clientId });
    await soon(first.closed, "the end of the first connection");
    await second.nothing();
    await second.end();
  }
});

test("a_client_reconnects_by_itself", async () => {
  const device = await Device.connect({ reconnectPeriod: 1, clientId: unique("returns-js-"), clean: false });
  await device.subscribe("returns/js", 1);
  const again = new Promise((resolve) => device.client.once("connect", resolve));
  device.client.stream.destroy();
  const connack = await soon(again, "the second CONNACK");
  assert.equal(connack.sessionPresent, true);
  await device.publish("returns/js", "here", { qos: 1 });
  assert.deepEqual(await device.takeTexts(1), ["here"]);
  await device.end();
});

await run();

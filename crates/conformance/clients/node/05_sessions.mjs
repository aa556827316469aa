// Sessions with mqtt.js.
import assert from "node:assert/strict";

import { Device, VERSIONS } from "./device.mjs";
import { run, test, unique } from "./suite.mjs";

function resumable(version, clientId) {
  const properties = version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {};
  return Device.connect({ version, clientId, clean: false, ...properties });
}

test("messages_wait_for_a_session", async () => {
  for (const version of VERSIONS) {
    const [clientId, topic] = [unique("js-away-"), unique("js/away/")];
    const device = await resumable(version, clientId);
    assert.equal(device.connack.sessionPresent, false);
    await device.subscribe(topic, 1);
    await device.end();
    const publisher = await Device.connect();
    for (let number = 0; number < 50; number += 1) await publisher.publish(topic, String(number), { qos: 1 });
    await publisher.end();
    const again = await resumable(version, clientId);
    const wanted = Array.from({ length: 50 }, (_, number) => String(number));
    assert.deepEqual(await again.takeTexts(50), wanted);
    await again.nothing();
    await again.end();
    const clean = await Device.connect({ version, clientId });
    assert.equal(clean.connack.sessionPresent, false);
    await clean.end();
  }
});

await run();

// Last wills with mqtt.js.
import assert from "node:assert/strict";

import { Device, VERSIONS } from "./device.mjs";
import { run, test, unique } from "./suite.mjs";

test("a_cut_connection_sends_the_will_and_an_end_does_not", async () => {
  for (const version of VERSIONS) {
    const topic = unique("js/will/");
    const watcher = await Device.connect();
    await watcher.subscribe(topic, 1);
    const will = { topic, payload: Buffer.from("gone"), qos: 1, retain: false };
    await (await Device.connect({ version, will })).end();
    await watcher.nothing();
    await (await Device.connect({ version, will })).cut();
    assert.deepEqual(await watcher.takeTexts(1), ["gone"]);
    await watcher.end();
  }
});

await run();

// A device: sends three readings over STOMP and waits for the answer to each.
//
// Run: npm install @stomp/stompjs @stomp/tcp-wrapper && node device.mjs
// (STOMP_HOST and STOMP_PORT say where; a worker must be running)
import { randomUUID } from "node:crypto";

import { Client } from "@stomp/stompjs";
import { TCPWrapper } from "@stomp/tcp-wrapper";

const { STOMP_HOST = "127.0.0.1", STOMP_PORT = "61613" } = process.env;
const name = `device-${randomUUID().slice(0, 8)}`;

const client = new Client({
  webSocketFactory: () => new TCPWrapper(STOMP_HOST, Number(STOMP_PORT)),
  connectHeaders: { login: "guest", passcode: "guest" },
});
const connected = new Promise((resolve) => (client.onConnect = resolve));
client.activate();
await connected;

let answered;
client.subscribe(`/queue/answers-${name}`, (message) => answered(JSON.parse(message.body)));

for (const celsius of [19.5, 21.5, 48.5]) {
  const answer = new Promise((resolve) => (answered = resolve));
  const receipt = randomUUID();
  // The receipt says that the broker has stored the message.
  const stored = new Promise((resolve) => client.watchForReceipt(receipt, resolve));
  client.publish({
    destination: "/queue/readings",
    body: JSON.stringify({ device: name, celsius }),
    headers: { "content-type": "application/json", persistent: "true", receipt },
  });
  await stored;
  console.log(`sent ${celsius} °C, answer: ${(await answer).advice}`);
}

await client.deactivate();

// A worker: takes readings from an AMQP queue, answers each device, acknowledges what it has dealt with.
//
// Run: npm install amqplib && node worker.mjs    (AMQP_URL says where; stop it with Ctrl-C)
import amqp from "amqplib";

const url = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672/%2f";
const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();

// Devices may have made it already: a queue is the same for every protocol.
await channel.assertQueue("readings", { durable: true });
// At most so many readings wait here, unacknowledged; the others are for other workers.
await channel.prefetch(10);

await channel.consume("readings", async (message) => {
  const { device, celsius } = JSON.parse(message.content);
  const advice = celsius > 40 ? "too hot, slow down" : "carry on";
  console.log(`${device} at ${celsius} °C: ${advice}`);

  const options = { contentType: "application/json", persistent: true };
  channel.sendToQueue(`answers-${device}`, Buffer.from(JSON.stringify({ advice })), options);
  // The broker has stored the answer when it is confirmed.
  await channel.waitForConfirms();
  // Until it is acknowledged the reading would come again if this worker ended.
  channel.ack(message);
});
console.log(`waiting for readings in ${url.split("@").pop()}`);

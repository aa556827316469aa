// One queue, two protocols: mqtt.js and the AWS SDK for JavaScript.
import assert from "node:assert/strict";

import * as SQS from "@aws-sdk/client-sqs";

import { Device, NEWEST } from "./device.mjs";
import { AWS, run, test } from "./suite.mjs";

const sqs = new SQS.SQSClient({
  ...AWS,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});

async function url(QueueName) {
  return (await sqs.send(new SQS.GetQueueUrlCommand({ QueueName }))).QueueUrl;
}

async function taken(name) {
  const QueueUrl = await url(name);
  const receive = new SQS.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20, MessageAttributeNames: ["All"] });
  const { Messages } = await sqs.send(receive);
  assert.equal(Messages?.length, 1);
  await sqs.send(new SQS.DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  return Messages[0];
}

test("payloads_cross_both_ways", async () => {
  const device = await Device.connect({ version: NEWEST });
  const QueueUrl = await url("orders");
  for (const text of ["hello", "漢字 😀", "x".repeat(200 * 1024)]) {
    await device.publish("$queue/orders", text, { qos: 1 });
    assert.equal((await taken("orders")).Body, text);
  }
  const bytes = Buffer.from([0, 1, 2, 255]);
  await device.publish("$queue/orders", bytes, { qos: 2 });
  const message = await taken("orders");
  assert.deepEqual(Buffer.from(message.Body, "base64"), bytes);
  assert.equal(message.MessageAttributes["causeway.encoding"].StringValue, "base64");

  await device.subscribe("$queue/orders", 1);
  for (const text of ["hello", "漢字 😀", "x".repeat(200 * 1024)]) {
    await sqs.send(new SQS.SendMessageCommand({ QueueUrl, MessageBody: text }));
    assert.deepEqual(await device.takeTexts(1), [text]);
  }
  await device.end();
});

test("a_topic_reaches_the_subscribed_queue", async () => {
  const device = await Device.connect();
  await device.publish("a/b", "to the audit", { qos: 1 });
  assert.equal((await taken("audit")).Body, "to the audit");
  await device.end();
});

await run();

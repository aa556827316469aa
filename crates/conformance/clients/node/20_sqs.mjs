// SQS and STS with the AWS SDK for JavaScript, which checks every MD5 itself.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import * as SQS from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { AWS, run, test, unique } from "./suite.mjs";

function settings(accessKeyId = "test", region = "us-east-1") {
  const credentials = { accessKeyId, secretAccessKey: "test" };
  return { ...AWS, region, credentials, maxAttempts: 1 };
}

const client = new SQS.SQSClient(settings());

/** Sends `${name}Command` with `input`. */
function call(name, input, to = client) {
  return to.send(new SQS[`${name}Command`](input));
}

async function queue(Attributes = {}) {
  return (await call("CreateQueue", { QueueName: unique(`js-queue-${process.pid}-`), Attributes })).QueueUrl;
}

async function one(QueueUrl, options = {}) {
  const input = { QueueUrl, WaitTimeSeconds: 20, MessageSystemAttributeNames: ["All"], MessageAttributeNames: ["All"] };
  const { Messages } = await call("ReceiveMessage", { ...input, ...options });
  assert.equal(Messages?.length, 1);
  return Messages[0];
}

test("a_message_goes_round", async () => {
  const QueueUrl = await queue();
  const MessageAttributes = {
    text: { DataType: "String", StringValue: "ünï" },
    bytes: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) },
  };
  const sent = await call("SendMessage", { QueueUrl, MessageBody: "hello 😀", MessageAttributes });
  const message = await one(QueueUrl);
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.Body, "hello 😀");
  assert.equal(message.MD5OfBody, createHash("md5").update("hello 😀").digest("hex"));
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 255]);
  assert.equal(message.Attributes.ApproximateReceiveCount, "1");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: message.ReceiptHandle });
  const { Messages } = await call("ReceiveMessage", { QueueUrl });
  assert.equal(Messages, undefined);
});

test("queues_are_found_listed_changed_purged_and_deleted", async () => {
  const QueueName = unique(`js-life-${process.pid}-`);
  const { QueueUrl } = await call("CreateQueue", { QueueName, Attributes: { VisibilityTimeout: "17" } });
  assert.equal((await call("GetQueueUrl", { QueueName })).QueueUrl, QueueUrl);
  assert.deepEqual((await call("ListQueues", { QueueNamePrefix: QueueName })).QueueUrls, [QueueUrl]);
  await call("SetQueueAttributes", { QueueUrl, Attributes: { VisibilityTimeout: "18" } });
  const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["VisibilityTimeout"] });
  assert.deepEqual(Attributes, { VisibilityTimeout: "18" });
  await call("PurgeQueue", { QueueUrl });
  await call("DeleteQueue", { QueueUrl });
  await assert.rejects(call("GetQueueUrl", { QueueName }), SQS.QueueDoesNotExist);
});

test("batches_fail_in_part", async () => {
  const QueueUrl = await queue();
  const Entries = ["good", "bad \u0001"].map((MessageBody, number) => ({ Id: `e${number}`, MessageBody }));
  const sent = await call("SendMessageBatch", { QueueUrl, Entries });
  assert.deepEqual(sent.Successful.map((entry) => entry.Id), ["e0"]);
  assert.deepEqual(sent.Failed.map((entry) => [entry.Id, entry.Code]), [["e1", "InvalidMessageContents"]]);
  const { ReceiptHandle } = await one(QueueUrl);
  const change = { QueueUrl, Entries: [{ Id: "a", ReceiptHandle, VisibilityTimeout: 99 }] };
  assert.equal((await call("ChangeMessageVisibilityBatch", change)).Successful.length, 1);
  const handles = [{ Id: "a", ReceiptHandle }, { Id: "b", ReceiptHandle: "garbage" }];
  const deleted = await call("DeleteMessageBatch", { QueueUrl, Entries: handles });
  assert.deepEqual(deleted.Successful.map((entry) => entry.Id), ["a"]);
  assert.deepEqual(deleted.Failed.map((entry) => [entry.Id, entry.Code]), [["b", "ReceiptHandleIsInvalid"]]);
});

test("a_message_made_visible_comes_again", async () => {
  const QueueUrl = await queue();
  await call("SendMessage", { QueueUrl, MessageBody: "x" });
  const { ReceiptHandle } = await one(QueueUrl);
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  assert.equal((await one(QueueUrl)).Attributes.ApproximateReceiveCount, "2");
});

test("errors_are_the_classes_of_the_sdk", async () => {
  const QueueUrl = await queue();
  const bad = { QueueUrl, ReceiptHandle: "garbage" };
  const missing = `${new URL(QueueUrl).origin}/000000000000/never`;
  await assert.rejects(call("DeleteMessage", bad), SQS.ReceiptHandleIsInvalid);
  await assert.rejects(call("SendMessage", { QueueUrl: missing, MessageBody: "x" }), SQS.QueueDoesNotExist);
  await assert.rejects(call("SendMessage", { QueueUrl, MessageBody: "\u0000" }), SQS.InvalidMessageContents);
  await assert.rejects(call("SendMessageBatch", { QueueUrl, Entries: [] }), SQS.EmptyBatchRequest);
  await assert.rejects(call("SetQueueAttributes", { QueueUrl, Attributes: { Nonsense: "1" } }), SQS.InvalidAttributeName);
  const QueueName = QueueUrl.split("/").at(-1);
  const other = { QueueName, Attributes: { DelaySeconds: "5" } };
  await assert.rejects(call("CreateQueue", other), SQS.QueueNameExists);
});

test("a_long_poll_ends_with_the_arrival", async () => {
  const QueueUrl = await queue();
  const waiting = one(QueueUrl);
  await call("SendMessage", { QueueUrl, MessageBody: "x" });
  assert.equal((await waiting).Body, "x");
});

test("accounts_and_regions_are_apart", async () => {
  const QueueName = unique(`js-apart-${process.pid}-`);
  await call("CreateQueue", { QueueName });
  for (const other of [settings("123456789012"), settings("test", "eu-west-1")]) {
    await assert.rejects(call("GetQueueUrl", { QueueName }, new SQS.SQSClient(other)), SQS.QueueDoesNotExist);
  }
});

test("sts_tells_the_caller", async () => {
  const { Account } = await new STSClient(settings("123456789012")).send(new GetCallerIdentityCommand({}));
  assert.equal(Account, "123456789012");
});

await run();

// A worker: receives readings from an SQS queue, answers each device, deletes what it has dealt with.
//
// Run: npm install @aws-sdk/client-sqs && node worker.mjs    (AWS_ENDPOINT_URL says where; stop it with Ctrl-C)
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";

const sqs = new SQSClient({
  endpoint: process.env.AWS_ENDPOINT_URL ?? "http://127.0.0.1:4566",
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "readings" }));
console.log(`waiting for readings in ${QueueUrl}`);

for (;;) {
  // Waits up to 20 s for a message; MQTT devices send them to `$queue/readings`.
  const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 });
  const { Messages = [] } = await sqs.send(receive);
  for (const { Body, ReceiptHandle } of Messages) {
    const { device, celsius } = JSON.parse(Body);
    const advice = celsius > 40 ? "too hot, slow down" : "carry on";
    console.log(`${device} at ${celsius} °C: ${advice}`);

    const answers = await sqs.send(new CreateQueueCommand({ QueueName: `answers-${device}` }));
    const MessageBody = JSON.stringify({ advice });
    await sqs.send(new SendMessageCommand({ QueueUrl: answers.QueueUrl, MessageBody }));
    // Until it is deleted the message would come again after the visibility time-out.
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}

// Named cases, run in order; one line of output each, exit status 1 if any failed.
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { basename } from "node:path";

export const DEADLINE = 30_000;
export const MQTT_PORT = Number(process.env.MQTT_PORT);
export const AWS_PORT = Number(process.env.AWS_PORT);
export const AMQP_PORT = Number(process.env.AMQP_PORT);
export const STOMP_PORT = Number(process.env.STOMP_PORT);

// Where the broker speaks nothing but TLS. Node trusts its authority by NODE_EXTRA_CA_CERTS.
export const TLS = Boolean(process.env.TLS_CA);
const file = (name) => (process.env[name] ? readFileSync(process.env[name]) : undefined);
/** The certificate to show, if the broker wants one, as `tls.connect` takes it. */
export const CERTIFICATE = { cert: file("TLS_CERT"), key: file("TLS_KEY") };

/** Where and how an AWS client connects. */
export const AWS = {
  endpoint: `${TLS ? "https" : "http"}://127.0.0.1:${AWS_PORT}`,
  ...(TLS && { requestHandler: { httpsAgent: new Agent(CERTIFICATE) } }),
};

/** Another broker that a suite is pointed at by hand: "rabbitmq" or "activemq". */
export const PEER = process.env.PEER ?? "";

const cases = [];
let numbers = 0;

export function test(name, body) {
  cases.push({ name, body });
}

/** As `test`, where another broker differs: `peers` says how, by its name. */
export function testUnlike(peers, name, body) {
  if (peers[PEER]) skip(name, `${PEER} ${peers[PEER]}`);
  else test(name, body);
}

/** Names a case that cannot run here. */
export function skip(name, reason) {
  console.log(`skipped ${basename(process.argv[1], ".mjs")} ${name}: ${reason}`);
}

/** A name that no other case of this process uses. */
export function unique(prefix) {
  numbers += 1;
  return `${prefix}${numbers}`;
}

/** `promise`, or a failure that says `what` did not happen in time. */
export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${DEADLINE} ms: ${what}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function run() {
  const chapter = basename(process.argv[1], ".mjs");
  const wanted = process.argv.slice(2);
  let failed = 0;
  for (const { name, body } of cases) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    try {
      await soon(body(), name);
      console.log(`ok ${chapter} ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${chapter} ${name}: ${error.name}: ${String(error.message).replaceAll("\n", " ")}`);
      console.error(error);
    }
  }
  // Sockets that a failed case left open must not keep the process.
  process.exit(failed > 0 ? 1 : 0);
}

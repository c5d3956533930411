/** The thread of a `Neighbour`: it reads one key again and again, and measures the service meanwhile. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../../loadtest/support/raw-http.ts';

const EVERY_MS = 2;
/** With fewer reads, the percentile would be the worst read. */
const LEAST_READS = 200;

const { port, pid, key } = workerData as { port: number; pid: number; key: string };
const request = `GET /v1/cache/${key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

/** CPU time of the thread that runs the event loop, in ms. */
function loopCpuMs(): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** How long this thread has waited for a core, in ms. What the service does meanwhile delays no answer. */
function ownWaitMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6;
}

let stopped = false;
parentPort!.once('message', () => {
  stopped = true;
});

const connection = await connect(port);
const costs: number[] = [];
parentPort!.postMessage('reading');
while (!stopped || costs.length < LEAST_READS) {
  const before = loopCpuMs() - ownWaitMs();
  await connection.send(request);
  const [answer] = await connection.readResponses(1);
  if (answer!.status !== 200) throw new Error(`the neighbour received ${answer!.status}`);
  costs.push(Math.max(0, loopCpuMs() - ownWaitMs() - before));
  await pause(EVERY_MS);
}
connection.destroy();
parentPort!.postMessage(costs);

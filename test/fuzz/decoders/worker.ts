/** Checks inputs of one decoder, in a thread whose owner notices if an input never ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { randomOf, Values } from '../grammar/values.ts';
import { DECODERS } from './index.ts';
import type { Job, Verdict } from './run.ts';

const { kind, seed, from, count, progress } = workerData as Job;
const decoder = DECODERS.find(({ name }) => name === kind)!;
const values = new Values(seed);
const position = new BigInt64Array(progress);

parentPort!.postMessage(run());

function run(): Verdict {
  for (let index = from; index < from + count; index++) {
    Atomics.store(position, 0, BigInt(index));
    try {
      decoder.check({ random: randomOf(seed, kind, index), values, index });
    } catch (error) {
      return { index, message: (error as Error).stack ?? String(error) };
    }
  }
  return undefined;
}

import { histogram } from '../../../loadtest/support/recorder.ts';
import { answerParent } from '../../support/child.ts';
import type { Work, Worked } from '../contender.ts';

/** The i-th call of what is measured. */
export type Operation = (i: number) => Promise<unknown>;

/** In a child: for each job of the parent, keeps a number of operations under way. */
export function serveWork(operation: Operation): void {
  answerParent(async ({ concurrency, ms }: Work): Promise<Worked> => {
    const latencies = histogram();
    const started = performance.now();
    const end = started + ms;
    let operations = 0;
    const loop = async () => {
      for (let now = performance.now(); now < end; ) {
        await operation(operations++);
        const after = performance.now();
        latencies.recordValue(Math.max(1, Math.round((after - now) * 1000)));
        now = after;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, loop));
    const [p50Us, p99Us] = [50, 99].map((percentile) => latencies.getValueAtPercentile(percentile));
    return { operations, seconds: (performance.now() - started) / 1000, p50Us: p50Us!, p99Us: p99Us! };
  });
}

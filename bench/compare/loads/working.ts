import type { Load } from '../load.ts';

/** Operations of a contender that works in a process of its own, so many at a time. */
export function working(concurrency: number): Load {
  return {
    run: async (server, forSeconds) => {
      const job = { concurrency, ms: forSeconds * 1000 };
      const { operations, seconds, p50Us, p99Us } = await server.work!(job);
      return { requests: operations, seconds, faults: [], figures: { p50Us, p99Us } };
    },
  };
}

import { setTimeout as delay } from 'node:timers/promises';

export type UntilOptions = { timeoutMs?: number; everyMs?: number };

/**
 * Repeats `check` until it returns something truthy, and returns that. For conditions in other processes, which no
 * gate or injected clock can reach. A check that throws is repeated too; its last error is the cause of the error
 * after the timeout.
 */
export async function until<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 10 }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  while (true) {
    try {
      const answer = await check();
      if (answer) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`not within ${timeoutMs} ms: ${check}`, { cause });
    }
    await delay(everyMs);
  }
}

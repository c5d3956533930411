import type { Second } from '../result.ts';
import { cpuSecondsOf } from './proc.ts';
import type { Target } from './target.ts';

export type ServerSecond = Pick<
  Second,
  'serverCpuShare' | 'serverHeapBytes' | 'serverRssBytes' | 'serverLoopDelayMs' | 'redisMs'
>;

export const UNKNOWN: ServerSecond = {
  serverCpuShare: null,
  serverHeapBytes: null,
  serverRssBytes: null,
  serverLoopDelayMs: null,
  redisMs: null,
};

type Sample = { at: number; cpuSeconds: number; metrics: ReadonlyMap<string, number> };

const TIMEOUT_MS = 1000;
// The histogram shows its own interval as the delay of an idle event loop.
const IDLE_DELAY_MS = 10;

/** Scrapes a service like Prometheus, and returns the figures between two scrapes. */
export class Sampler {
  readonly #target: Target;
  #before: Sample | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Starts an interval. */
  async begin(): Promise<void> {
    this.#before = await this.#sample();
  }

  /** Ends the interval and starts the next. Unknown figures are null. */
  async next(): Promise<ServerSecond> {
    const before = this.#before;
    const now = await this.#sample();
    this.#before = now;
    if (now === undefined) return UNKNOWN;
    const value = (name: string) => now.metrics.get(name) ?? null;
    const since = (name: string) => (now.metrics.get(name) ?? 0) - (before?.metrics.get(name) ?? 0);
    const loopDelay = value('nodejs_eventloop_lag_p99_seconds');
    const commands = since('redis_response_time_seconds_count');
    return {
      serverCpuShare:
        before === undefined ? null : ((now.cpuSeconds - before.cpuSeconds) * 1000) / (now.at - before.at),
      serverHeapBytes: value('nodejs_heap_size_used_bytes'),
      serverRssBytes: value('process_resident_memory_bytes'),
      serverLoopDelayMs: loopDelay === null ? null : Math.max(0, loopDelay * 1000 - IDLE_DELAY_MS),
      redisMs: commands > 0 ? (since('redis_response_time_seconds_sum') * 1000) / commands : null,
    };
  }

  async #sample(): Promise<Sample | undefined> {
    const { port, pid } = this.#target;
    if (pid === undefined) return undefined;
    try {
      const at = performance.now();
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const metrics = plainMetrics(await response.text());
      const cpuSeconds = cpuSecondsOf(pid) ?? metrics.get('process_cpu_seconds_total') ?? 0;
      return { at, cpuSeconds, metrics };
    } catch {
      return undefined;
    }
  }
}

/** The series without labels in Prometheus text. */
function plainMetrics(text: string): Map<string, number> {
  const metrics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (line.startsWith('#') || space === -1) continue;
    metrics.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return metrics;
}

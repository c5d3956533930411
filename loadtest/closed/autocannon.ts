import autocannon from 'autocannon';
import type { Generated, LoadHooks } from '../generator/job.ts';
import { Tally } from '../pacer/tally.ts';
import { Usage } from '../pacer/usage.ts';
import { Recorder } from '../support/recorder.ts';
import type { Prepared } from '../traffic/prepared.ts';
import type { RequestAt } from '../traffic/requests.ts';

export interface ClosedLoadOptions extends LoadHooks {
  /** Without a path. */
  readonly url: string;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly request: RequestAt;
  readonly connections: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  readonly timeoutMs: number;
}

// autocannon stores the requests of each connection, so a round is shorter than the pacer's.
const ROUND = 256;
const START_SECONDS = 10;

/**
 * Closed load: each connection sends its next request after the answer to the previous one. It measures the
 * throughput of the server. Its tail latencies say little, because it sends nothing while the server stalls.
 *
 * autocannon itself reports whole milliseconds and no p95. Each `response` event has the exact time, so the harness
 * records it in its own histogram.
 */
export async function closedLoad(options: ClosedLoadOptions): Promise<Generated> {
  const { url, headers, connections, warmupMs, measuredMs, timeoutMs } = options;
  const tally = new Tally();
  let usage: Usage | undefined;

  let recorder: Recorder | undefined;
  let warmUntil = Number.POSITIVE_INFINITY;
  let startedAt = Number.POSITIVE_INFINITY;
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  // The warm-up starts with the first answer, since autocannon needs a while to build all requests. The measured part
  // starts with the first answer after the warm-up, so that it never ends without an answer.
  const measured = (now: number): Recorder | undefined => {
    if (warmUntil === Number.POSITIVE_INFINITY) warmUntil = now + warmupMs;
    if (now < warmUntil || now > startedAt + measuredMs) return undefined;
    if (recorder === undefined) {
      startedAt = now;
      recorder = new Recorder(startedAt, measuredMs);
      recorder.onSecond = options.onSecond ?? (() => {});
      usage = new Usage();
      options.onMeasuring?.();
      begin();
    }
    return recorder;
  };
  let client = 0;
  let instance!: autocannon.Instance;
  const settings: autocannon.Options = {
    url,
    connections,
    duration: (warmupMs + measuredMs + timeoutMs) / 1000 + START_SECONDS,
    timeout: timeoutMs / 1000,
    setupClient: (made) => made.setRequests(round(options.request, client++, headers)),
  };
  // With a callback autocannon returns the instance instead of a promise of the result.
  const ended = new Promise<void>((resolve, reject) => {
    instance = autocannon(settings, (error) => (error ? reject(error) : resolve()));
  });
  instance.on('response', (_client, status, _bytes, responseMs) => {
    const now = performance.now();
    options.onAnswer?.(now);
    const into = measured(now);
    if (into === undefined) return;
    const reads = hitsOf(status);
    tally.answered({ status: String(status), ...reads });
    into.record(responseMs, now, reads);
  });
  // A time-out and a broken connection cause the same event; only the error differs.
  instance.on('reqError', (error: Error) => {
    if (measured(performance.now()) === undefined) return;
    if (/time/i.test(String(error?.message ?? ''))) tally.timeouts++;
    else tally.errors++;
  });
  // Without any answer autocannon ends after its own duration.
  await Promise.race([begun, ended]);
  const leftMs = startedAt + measuredMs - performance.now();
  if (Number.isFinite(leftMs)) await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs)));
  const share = (usage as Usage | undefined)?.share() ?? 0;
  instance.stop();
  await ended;
  const recorded = (recorder as Recorder | undefined) ?? new Recorder(0, measuredMs);
  recorded.finish();
  tally.sent = tally.completed + tally.errors + tally.timeouts;
  return {
    requests: tally.requests(),
    throughputPerSecond: (tally.completed * 1000) / measuredMs,
    latency: recorded.latency(),
    seconds: recorded.seconds,
    cpuShare: share,
    lateP99Us: 0,
  };
}

// autocannon does not report the request of a response. In a mix of reads and writes, only reads are answered 200 or
// 404.
function hitsOf(status: number): { hits: number; misses: number } {
  return { hits: status === 200 ? 1 : 0, misses: status === 404 ? 1 : 0 };
}

/** The part of the sequence that one connection sends. */
function round(
  request: RequestAt,
  client: number,
  headers: ClosedLoadOptions['headers'],
): autocannon.Request[] {
  return Array.from({ length: ROUND }, (_, i) => autocannonRequest(request(client * ROUND + i), headers));
}

function autocannonRequest(
  { method, path, body, hits }: Prepared,
  headers: ClosedLoadOptions['headers'],
): autocannon.Request {
  if (hits === 'items') throw new Error('a closed load cannot count the hits of a batch');
  if (body === undefined) return { method, path, headers };
  return { method, path, body, headers: { ...headers, 'content-type': 'application/json' } };
}

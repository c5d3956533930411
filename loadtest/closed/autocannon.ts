import autocannon from 'autocannon';
import type { Generated } from '../generator/job.ts';
import { Tally } from '../pacer/tally.ts';
import { Usage } from '../pacer/usage.ts';
import { Recorder, type SecondSent } from '../support/recorder.ts';
import type { Prepared } from '../traffic/prepared.ts';
import type { RequestAt } from '../traffic/requests.ts';

export interface ClosedLoadOptions {
  readonly port: number;
  readonly request: RequestAt;
  readonly connections: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  readonly timeoutMs: number;
  readonly onMeasuring?: () => void;
  readonly onSecond?: (second: SecondSent) => void;
  /** GeneratorMessage of every answer, of the warm-up too, with its time as `performance.now()`. */
  readonly onAnswer?: (now: number) => void;
}

// autocannon keeps its requests by connection, so that a round is shorter than the pacer's.
const ROUND = 256;
const START_SECONDS = 10;

/**
 * Closed load: each connection sends its next request when it has the answer to the one before. It tells how much
 * the server can take; its tail says little, since a server that stalls is asked nothing meanwhile.
 *
 * autocannon's own figures are whole milliseconds and lack the p95, so each `response` event, which carries the
 * exact time, goes into our own histogram.
 */
export async function closedLoad(options: ClosedLoadOptions): Promise<Generated> {
  const { port, connections, warmupMs, measuredMs, timeoutMs } = options;
  const tally = new Tally();
  let usage: Usage | undefined;

  let recorder: Recorder | undefined;
  let startedAt = Number.POSITIVE_INFINITY;
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  // The clock starts with the first answer: to build all requests takes autocannon a while.
  const measured = (now: number): Recorder | undefined => {
    if (startedAt === Number.POSITIVE_INFINITY) {
      startedAt = now + warmupMs;
      begin();
    }
    if (now < startedAt || now > startedAt + measuredMs) return undefined;
    if (recorder === undefined) {
      recorder = new Recorder(startedAt, measuredMs);
      recorder.onSecond = options.onSecond ?? (() => {});
      usage = new Usage();
      options.onMeasuring?.();
    }
    return recorder;
  };
  let client = 0;
  let instance!: autocannon.Instance;
  const settings: autocannon.Options = {
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: (warmupMs + measuredMs + timeoutMs) / 1000 + START_SECONDS,
    timeout: timeoutMs / 1000,
    setupClient: (made) => made.setRequests(round(options.request, client++)),
  };
  // With a callback it is the instance that is returned, and not a promise of the result.
  const ended = new Promise<void>((resolve, reject) => {
    instance = autocannon(settings, (error) => (error ? reject(error) : resolve()));
  });
  instance.on('response', (_client, status, _bytes, responseMs) => {
    const now = performance.now();
    options.onAnswer?.(now);
    const into = measured(now);
    if (into === undefined) return;
    tally.answered({ status: String(status), ...found(status) });
    into.record(responseMs, now);
  });
  // The events of a time-out and of a broken connection are one, told apart by the error.
  instance.on('reqError', (error: Error) => {
    if (measured(performance.now()) === undefined) return;
    if (/time/i.test(String(error?.message ?? ''))) tally.timeouts++;
    else tally.errors++;
  });
  // Where no answer ever comes it ends by itself.
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

// Which request a response belongs to is not told: of reads and writes mixed, 200 and 404 are those of reads.
function found(status: number): { hits: number; misses: number } {
  return { hits: status === 200 ? 1 : 0, misses: status === 404 ? 1 : 0 };
}

/** Each connection's own part of the sequence. */
function round(request: RequestAt, client: number): autocannon.Request[] {
  return Array.from({ length: ROUND }, (_, i) => asked(request(client * ROUND + i)));
}

function asked({ method, path, body, hits }: Prepared): autocannon.Request {
  if (hits === 'items') throw new Error('a closed load cannot tell the hits of a batch');
  if (body === undefined) return { method, path };
  return { method, path, body, headers: { 'content-type': 'application/json' } };
}

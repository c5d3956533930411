import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GENERATOR_CORE } from '../../loadtest/support/pin.ts';

export interface Answered {
  readonly perSecond: number;
  /** CPU time of the service for each request, in microseconds. */
  readonly cpuMicros: number;
}

export interface Request {
  readonly name: string;
  readonly path: string;
  /** The number of keys of an mget; undefined for GET. */
  readonly keys?: number;
}

/** Keys that the requests read. */
export const KEYS = 1000;

export const REQUESTS: readonly Request[] = [
  { name: 'GET of an L1 hit', path: '/v1/cache/bench:0' },
  { name: 'mget of 100', path: '/v1/mget', keys: 100 },
  // Costs the service much more than wrk, so two processes have room.
  { name: 'mget of 1,000', path: '/v1/mget', keys: KEYS },
];

export interface Effort {
  readonly connections: number;
  readonly seconds: number;
  /** Whether wrk stays on the core of generators. */
  readonly pinned: boolean;
}

/**
 * Sends a request as fast as possible.
 * @param cpuOf the CPU time of the service so far, in seconds
 * @throws Error if an answer was not 200, or a connection failed
 */
export async function runWrk(
  port: number,
  { path, keys }: Request,
  { connections, seconds, pinned }: Effort,
  cpuOf: () => number,
): Promise<Answered> {
  const url = `http://127.0.0.1:${port}${path}`;
  const script = ['-s', fileURLToPath(new URL('mget.lua', import.meta.url))];
  const before = cpuOf();
  const cores = pinned ? String(GENERATOR_CORE) : `0-${cpus().length - 1}`;
  const wrk = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    ...(keys === undefined ? [url] : [...script, url, '--', String(keys)]),
  ];
  const { stdout } = await promisify(execFile)('taskset', ['-c', cores, ...wrk]);
  const cpu = cpuOf() - before;
  // Two processes close connections to spread them, which wrk counts as read errors, and connects again.
  if (/Non-2xx|connect [1-9]/.test(stdout)) throw new Error(`wrk: ${stdout}`);
  const requests = Number(/(\d+) requests in/.exec(stdout)![1]);
  return { perSecond: requests / seconds, cpuMicros: (1e6 * cpu) / requests };
}

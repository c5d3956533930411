/** HTTP at full speed: `wrk` on the generator's core, with requests that were made before. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GENERATOR_CORE, pin } from '../../../loadtest/support/pin.ts';
import { tether } from '../../../loadtest/target/tether.ts';
import type { Running } from '../../peers/peer.ts';
import type { Shape } from '../data.ts';
import type { Load, Outcome } from '../row.ts';
import { oneAnswer } from './one-answer.ts';
import { verifyValues } from './verify.ts';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
export const CONNECTIONS = 64;

export interface WrkOptions {
  /** The requests in their order, for this server: sent round and round. */
  readonly requests: (server: Running) => readonly string[];
  /** Requests that a connection sends at once; it waits for all their answers before it sends the next. */
  readonly depth?: number;
  /** What is read, where something is: the answers must then be these values. */
  readonly values?: Shape;
}

export function wrk({ requests, depth = 1, values }: WrkOptions): Load {
  return {
    ...(values && {
      example: (server: Running) => oneAnswer(server.port, requests(server)[0]!),
      verify: (server: Running) => verifyValues(server, values),
    }),
    run: async (server, seconds) => {
      const dir = await mkdtemp(join(tmpdir(), 'ratecache-wrk-'));
      try {
        const file = join(dir, 'requests');
        await writeFile(file, partsOf(requests(server), depth).join('\0'));
        return parseWrk(await runWrk(server.port, file, seconds));
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
}

/** `depth` requests each; a rest is left out, since wrk takes each part for as long as the first. */
export function partsOf(requests: readonly string[], depth: number): string[] {
  const parts: string[] = [];
  for (let i = 0; i + depth <= requests.length; i += depth) parts.push(requests.slice(i, i + depth).join(''));
  return parts;
}

async function runWrk(port: number, file: string, seconds: number): Promise<string> {
  // It knows whole seconds only, but ends as it should on SIGINT.
  const longest = `${Math.ceil(seconds) + 5}s`;
  const options = ['-t', '1', '-c', String(CONNECTIONS), '-d', longest, '-s', SCRIPT];
  const child = spawn('wrk', [...options, `http://127.0.0.1:${port}`, '--', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tether(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  await once(child, 'spawn');
  pin(GENERATOR_CORE, child.pid!);
  const timer = setTimeout(() => child.kill('SIGINT'), seconds * 1000);
  await once(child, 'close');
  clearTimeout(timer);
  return output;
}

interface Result {
  readonly requests: number;
  readonly microseconds: number;
  readonly bytes: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly status: number;
  readonly timeout: number;
}

/** @throws where wrk did not come to a result */
export function parseWrk(output: string): Outcome {
  const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result:\n${output}`);
  const { requests, microseconds, bytes, status, ...errors } = JSON.parse(line) as Result;
  const faults = (['connect', 'read', 'write', 'timeout'] as const)
    .filter((kind) => errors[kind] > 0)
    .map((kind) => `${errors[kind]} ${kind} errors`);
  if (status > 0) faults.push(`${status} answers that are not 2xx`);
  const bytesPerAnswer = requests === 0 ? 0 : bytes / requests;
  return { requests, seconds: microseconds / 1e6, bytesPerAnswer, faults };
}

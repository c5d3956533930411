/** HTTP at full speed: `wrk` on the generator's core, with requests that were made before. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GENERATOR_CORE, pin } from '../../../loadtest/support/pin.ts';
import { connect } from '../../../loadtest/support/raw-http.ts';
import { itemsOf, type Shape } from '../../support/data.ts';
import type { Answer, Running } from '../contender.ts';
import type { Load, Outcome } from '../load.ts';
import type { Requests } from '../requests.ts';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
export const CONNECTIONS = 64;
/** So many values are verified, one at a time. */
const VERIFIED = 1000;

export interface WrkOptions {
  /** The requests in their order; wrk begins again after the last. */
  readonly requests: Requests;
  /** Requests that a connection sends at once. It waits for all their answers before it sends the next. */
  readonly depth?: number;
  /** What is read: the answers must be these values. */
  readonly values?: Shape;
}

export function wrk({ requests, depth = 1, values }: WrkOptions): Load {
  return {
    needs: ['wrk'],
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

/** `depth` requests each. A rest is left out, since wrk takes all parts for as long as the first. */
export function partsOf(requests: readonly string[], depth: number): string[] {
  const parts: string[] = [];
  for (let i = 0; i + depth <= requests.length; i += depth) parts.push(requests.slice(i, i + depth).join(''));
  return parts;
}

export async function oneAnswer(port: number, request: string): Promise<Answer> {
  const connection = await connect(port);
  try {
    await connection.send(request);
    const [answer] = await connection.readResponses(1);
    return { headers: answer!.headers, payload: answer!.body };
  } finally {
    connection.destroy();
  }
}

/** @throws where the server does not answer 200 with the value of each key */
async function verifyValues({ port, pathOf }: Running, shape: Shape): Promise<void> {
  for (const { key, value } of itemsOf(shape).slice(0, VERIFIED)) {
    const response = await fetch(`http://127.0.0.1:${port}${pathOf(key)}`);
    const text = await response.text();
    if (response.status !== 200 || text !== value)
      throw new Error(`GET ${key}: ${response.status} ${text.slice(0, 200)}`);
  }
}

async function runWrk(port: number, file: string, seconds: number): Promise<string> {
  // wrk takes whole seconds only.
  const options = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${Math.ceil(seconds)}s`, '-s', SCRIPT];
  const running = promisify(execFile)('wrk', [...options, `http://127.0.0.1:${port}`, '--', file]);
  pin(GENERATOR_CORE, running.child.pid!);
  return (await running).stdout;
}

/** @throws where wrk printed no result */
export function parseWrk(output: string): Outcome {
  const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk printed no result:\n${output}`);
  const { requests, microseconds, bytes, status, ...errors } = JSON.parse(line) as Record<string, number>;
  const faults = Object.entries(errors)
    .filter(([, times]) => times > 0)
    .map(([kind, times]) => `${times} ${kind} errors`);
  if (status! > 0) faults.push(`${status} answers that are not 2xx`);
  return {
    requests: requests!,
    seconds: microseconds! / 1e6,
    figures: { bytes: requests === 0 ? 0 : bytes! / requests! },
    faults,
  };
}

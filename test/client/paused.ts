/** A program with a near cache that is stopped, and goes on after a rate has changed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { write } from './stage.ts';

/** The programs read this rate from memory whenever a volatility changes, and print it. */
const RATE = 'borrow_rate:GME';
const VOLATILITY = 'volatility:GME';
/** How long a near cache of these programs trusts a heartbeat, in ms. */
export const MAX_SILENCE_MS = 400;
const BEAT_MS = 100;

/** What a program printed of one read. */
interface Read {
  readonly value?: number;
  readonly state?: string;
}

/**
 * The program is stopped, and receives heartbeats. Then a volatility changes, and after it the rate. Later than the bound the
 * program goes on: while it handles the change of the volatility, the change of the rate waits in its socket.
 */
export async function stoppedProgramReadsNothingOld(
  t: TestContext,
  service: Service,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await write(service, RATE, 1);
  const program = spawn(command, [...args, `ws://127.0.0.1:${service.port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  t.after(() => program.kill('SIGKILL'));
  const reads: Read[] = [];
  createInterface({ input: program.stdout }).on('line', (line) => reads.push(JSON.parse(line)));
  let changes = 0;
  const reaches = (value: number) =>
    until(async () => {
      await write(service, VOLATILITY, ++changes);
      return reads.some((read) => read.value === value && read.state === 'coherent');
    });
  await reaches(1);

  program.kill('SIGSTOP');
  await beats(service, Math.ceil(MAX_SILENCE_MS / BEAT_MS));
  await write(service, VOLATILITY, ++changes);
  await write(service, RATE, 2);
  await beats(service, Math.ceil(MAX_SILENCE_MS / BEAT_MS) + 1);
  reads.length = 0;
  program.kill('SIGCONT');

  await reaches(2);
  assert.deepEqual(
    reads.filter(({ value, state }) => value === 1 && state === 'coherent'),
    [],
  );
}

/** Waits until the service has sent this many heartbeats, at the interval of the programs. */
async function beats(service: Service, count: number): Promise<void> {
  const ws = new WebSocket(`ws://127.0.0.1:${service.port}/v1/ws`);
  let left = count;
  ws.on('message', (data) => {
    if (JSON.parse(String(data)).event === 'heartbeat') left--;
  });
  await once(ws, 'open');
  ws.send(JSON.stringify({ id: 1, op: 'heartbeat', interval: BEAT_MS }));
  await until(() => left < 0);
  ws.close();
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { GENERATOR_CORE, pin } from '../../../loadtest/support/pin.ts';
import { tether } from '../../../loadtest/target/tether.ts';

/** Beyond the time that the job itself may take: starting, connecting, the last answers. */
const SLACK_MS = 20_000;

export interface JobOptions {
  readonly ms: number;
  /** It gives way to other generators on its core. */
  readonly humble?: boolean;
}

/** Has a file of this folder do one job, in a process of its own on the generator's core, and gives what it tells. */
export async function inChild<Job, Told>(file: string, job: Job, { ms, humble }: JobOptions): Promise<Told> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    execArgv: [],
    // So that bytes go over as bytes.
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  tether(child);
  pin(GENERATOR_CORE, child.pid!);
  if (humble) setPriority(child.pid!, 10);
  try {
    child.send(job as object);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${file} ended with ${code} before it told anything`);
    });
    const signal = AbortSignal.timeout(ms + SLACK_MS);
    const [told] = await Promise.race([once(child, 'message', { signal }), ended]);
    return told as Told;
  } finally {
    child.kill('SIGKILL');
  }
}

/** In the child: does the job that it is sent, and tells what came of it. */
export function doJob<Job>(work: (job: Job) => Promise<unknown>): void {
  process.once('message', async (job: Job) => {
    process.send!(await work(job));
  });
  process.once('disconnect', () => process.exit());
}

import { startPart } from '../support/part.ts';
import { GENERATOR_CORE, pin } from '../support/pin.ts';
import type { Generated, GeneratorMessage, Job } from './job.ts';

// In addition to the duration of the job: start, preparation of requests, last answers.
const SLACK_MS = 30_000;

export interface Generation {
  readonly generated: Generated;
  readonly ceilingPerSecond: number;
}

/** Runs a job in a separate process on the generator's core. */
export async function runGenerator(
  job: Job,
  onMessage: (message: GeneratorMessage, pid: number) => void,
): Promise<Generation> {
  const child = startPart('generator');
  pin(GENERATOR_CORE, child.pid!);
  const { warmupSeconds, seconds } = job.profile.load;
  const limitMs = job.ceilingMs * 2 + (warmupSeconds + seconds) * 1000 + 2 * job.timeoutMs + SLACK_MS;
  let ceilingPerSecond = 0;
  try {
    return await new Promise<Generation>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the generator took longer than ${limitMs} ms`)),
        limitMs,
      );
      timer.unref();
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`the generator ended early (${signal ?? `exit code ${code}`})`));
      });
      child.on('message', (message: GeneratorMessage) => {
        onMessage(message, child.pid!);
        if (message.kind === 'ceiling') ceilingPerSecond = message.perSecond;
        else if (message.kind === 'failed') reject(new Error(`the generator failed: ${message.message}`));
        else if (message.kind === 'done') {
          clearTimeout(timer);
          resolve({ generated: message.generated, ceilingPerSecond });
        }
      });
      child.send(job);
    });
  } finally {
    child.kill('SIGKILL');
  }
}

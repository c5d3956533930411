import { generate } from './generate.ts';
import type { GeneratorMessage, Job } from './job.ts';

/** What the generator's own process does: the one job that it is sent. It tells of it, and ends. */
export function generateOnMessage(): void {
  const send = (message: GeneratorMessage) => void process.send?.(message);

  // Whoever asked is gone.
  process.once('disconnect', () => process.exit());

  process.once('message', async (job: Job) => {
    try {
      send({ kind: 'done', generated: await generate(job, send) });
    } catch (error) {
      send({ kind: 'failed', message: (error as Error).stack ?? String(error) });
    }
  });
}

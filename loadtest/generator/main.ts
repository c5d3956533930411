import { generate } from './generate.ts';
import type { GeneratorMessage, Job } from './job.ts';

/** The process of the generator: runs the one job that it receives, and reports progress and result by messages. */
export function generateOnMessage(): void {
  const send = (message: GeneratorMessage) => void process.send?.(message);

  // The parent process has ended.
  process.once('disconnect', () => process.exit());

  process.once('message', async (job: Job) => {
    try {
      send({ kind: 'done', generated: await generate(job, send) });
    } catch (error) {
      send({ kind: 'failed', message: (error as Error).stack ?? String(error) });
    }
  });
}

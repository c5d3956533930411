import { generate } from './generate.ts';
import type { Job, Told } from './job.ts';

/** What the generator's own process does: the one job that it is sent. It tells of it, and ends. */
export function generateOnMessage(): void {
  const tell = (told: Told) => void process.send?.(told);

  // Whoever asked is gone.
  process.once('disconnect', () => process.exit());

  process.once('message', async (job: Job) => {
    try {
      tell({ kind: 'done', generated: await generate(job, tell) });
    } catch (error) {
      tell({ kind: 'failed', message: (error as Error).stack ?? String(error) });
    }
  });
}

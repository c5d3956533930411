/** How subcommands of the harness (loadtest/) end. */
import { Failure } from './exits.ts';

export const DEFAULT_OUT = 'loadtest/out';
const EXIT_GATE = 1;
const EXIT_HARNESS = 2;

/** @param work gives whether every gate held */
export async function runHarness(work: () => Promise<boolean>): Promise<void> {
  // Node's own code for this is 1, which would read as a failed gate.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(EXIT_HARNESS);
  });
  try {
    process.exitCode = (await work()) ? 0 : EXIT_GATE;
  } catch (error) {
    throw new Failure((error as Error).message, EXIT_HARNESS);
  }
}

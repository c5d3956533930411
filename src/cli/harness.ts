/** Runs subcommands of the load harness (loadtest/) and sets their exit codes. */
import { Failure } from './exits.ts';

export const DEFAULT_OUT = 'loadtest/out';
const EXIT_GATE = 1;
const EXIT_HARNESS = 2;

/** @param work resolves with whether every gate passed */
export async function runHarness(work: () => Promise<boolean>): Promise<void> {
  // Node exits with 1 after an uncaught exception, which would look like a failed gate.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(EXIT_HARNESS);
  });
  try {
    process.exitCode = (await work()) ? 0 : EXIT_GATE;
  } catch (error) {
    // An error of the command line keeps its exit code.
    if (error instanceof Failure) throw error;
    throw new Failure((error as Error).message, EXIT_HARNESS);
  }
}

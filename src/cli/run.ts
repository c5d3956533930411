import { CommanderError } from 'commander';
import { EXIT_USAGE } from './exits.ts';
import { surviveLostOutput } from './output.ts';
import { createProgram } from './program.ts';

/** Does what the command line says; the exit code is set at the end. */
export function run(): void {
  surviveLostOutput();
  // Not awaited: the single binary is a CommonJS bundle, which cannot await at its top.
  createProgram()
    .parseAsync()
    .catch((error: unknown) => {
      process.exitCode = tell(error);
    });
}

/** Says what went wrong; gives the exit code. */
function tell(error: unknown): number {
  // commander has told already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  const { name, message, exitCode = 1 } = error as Error & { exitCode?: number };
  // The faults of a configuration are a text of their own.
  process.stderr.write(name === 'ConfigError' ? `${message}\n` : `ratecache: ${message}\n`);
  return exitCode;
}

import { CommanderError } from 'commander';
import { EXIT_USAGE } from './exits.ts';
import { surviveLostOutput } from './output.ts';
import { createProgram } from './program.ts';

/** Runs the subcommand of the command line. Sets the exit code at the end. */
export function run(program = createProgram()): void {
  surviveLostOutput();
  // Not awaited: the single binary is a CommonJS bundle, which has no top-level await.
  program.parseAsync().catch((error: unknown) => {
    process.exitCode = report(error);
  });
}

/** Prints an error. Returns the exit code. */
function report(error: unknown): number {
  // commander has printed the message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  const { name, message, exitCode = 1 } = error as Error & { exitCode?: number };
  // The message of a ConfigError has several lines and its own title.
  process.stderr.write(name === 'ConfigError' ? `${message}\n` : `ratecache: ${message}\n`);
  return exitCode;
}

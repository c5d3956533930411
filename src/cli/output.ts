/** Handles a standard output or standard error that cannot be written. */
import { EXIT_OUTPUT } from './exits.ts';

/**
 * When the reader of a pipe, such as `head`, closes it, the command continues with the same exit code and only prints
 * nothing more. Output that is lost for another reason, such as a full disk, is an error.
 */
export function surviveLostOutput(): void {
  process.stderr.on('error', ignore);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`ratecache: cannot write to standard output: ${error.message}\n`);
    // On exit, because the command may still set the exit code of its own work.
    process.once('exit', () => {
      process.exitCode ||= EXIT_OUTPUT;
    });
  });
}

/** Whether standard output is still open. */
export function outputIsOpen(): boolean {
  return process.stdout.writable;
}

function ignore(): void {}

/** A standard output or standard error that cannot be written to. */
import { EXIT_OUTPUT } from './exits.ts';

/**
 * A reader that closed its end of a pipe, such as `head`, does not change what a command does, nor its exit code: the
 * command only prints nothing more. Output that is lost for another reason, such as a full disk, is a failure.
 */
export function surviveLostOutput(): void {
  process.stderr.on('error', ignore);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`ratecache: cannot write to standard output: ${error.message}\n`);
    // At the end, since the command sets the code of its own work until then.
    process.once('exit', () => {
      process.exitCode ||= EXIT_OUTPUT;
    });
  });
}

/** Whether anybody can still read what the command prints. */
export function outputIsOpen(): boolean {
  return process.stdout.writable;
}

function ignore(): void {}

/** The command line is wrong: EX_USAGE of sysexits.h. Another code than any answer of a subcommand. */
export const EXIT_USAGE = 64;

/** Standard output could not be written: EX_IOERR of sysexits.h. */
export const EXIT_OUTPUT = 74;

/** A failure with an exit code of its own. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

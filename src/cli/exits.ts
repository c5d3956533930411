/** The command line is invalid: EX_USAGE of sysexits.h. No subcommand uses this code for a result. */
export const EXIT_USAGE = 64;

/** Standard output could not be written: EX_IOERR of sysexits.h. */
export const EXIT_OUTPUT = 74;

/** An error that ends the program with a specific exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

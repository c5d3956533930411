/** The command line is invalid: EX_USAGE of sysexits.h. No subcommand uses this code for a result. */
export const EXIT_USAGE = 64;

/** Standard output could not be written: EX_IOERR of sysexits.h. */
export const EXIT_OUTPUT = 74;

/** The key has no value. */
export const EXIT_MISS = 3;

/** L1 has no value and Redis did not answer, so the key may have a value. */
export const EXIT_UNKNOWN = 4;

/** The condition of a write does not hold. */
export const EXIT_CONDITION = 5;

/** The user did not confirm a flush. */
export const EXIT_NOT_CONFIRMED = 6;

/** An error that ends the program with a specific exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

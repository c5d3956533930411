/** Flags that several subcommands have, and how numbers are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ownUrl } from './ask.ts';

/** Of subcommands that ask a running service. */
export interface ServiceOptions {
  readonly url: string;
  readonly timeout: number;
}

const LONGEST_TIMEOUT_MS = 3_600_000;

/** Adds `--url` and `--timeout`. */
export function addService(command: Command, timeoutMs: number): Command {
  return command
    .addOption(urlOption('the service to ask'))
    .addOption(
      new Option('--timeout <ms>', 'how long to wait for its answer, in milliseconds')
        .argParser(whole(1, LONGEST_TIMEOUT_MS))
        .default(timeoutMs),
    );
}

export function urlOption(description: string): Option {
  return new Option('--url <url>', description).default(
    ownUrl(),
    'http://127.0.0.1:8000, or by HOST and PORT of the environment',
  );
}

/** Reads a number of these bounds, both included. */
export function numeric(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= least && value <= most))
      throw new InvalidArgumentError(`A number from ${least} to ${most} is wanted.`);
    return value;
  };
}

/** Reads a whole number of these bounds, both included. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER) {
  const read = numeric(least, most);
  return (text: string): number => {
    const value = read(text);
    if (!Number.isInteger(value))
      throw new InvalidArgumentError(`A whole number from ${least} to ${most} is wanted.`);
    return value;
  };
}

/** Flags that several subcommands have, and how numbers are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ownUrl } from './call-service.ts';

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
  return new Option('--url <url>', description)
    .argParser(httpUrl)
    .default(ownUrl(), 'http://127.0.0.1:8000, or by HOST and PORT of the environment');
}

function httpUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new InvalidArgumentError('An http or https URL is wanted.');
}

/** Reads a number of these bounds, both included. */
export function numeric(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => numberOf(text, 'A number', least, most);
}

/** Reads a whole number of these bounds, both included. */
export function whole(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = numberOf(text, 'A whole number', least, most);
    if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('A whole number is wanted.');
    return value;
  };
}

function numberOf(text: string, wanted: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= least && value <= most) return value;
  const bounds = Number.isFinite(most) ? `from ${least} to ${most}` : `of at least ${least}`;
  throw new InvalidArgumentError(`${wanted} ${bounds} is wanted.`);
}

/** Flags that several subcommands share, and parsers of numbers. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ownOpsUrl, ownUrl } from './call-service.ts';

/** Options of subcommands that send requests to a running service. */
export interface ServiceOptions {
  readonly url: string;
  readonly timeout: number;
  readonly tokenFile?: string;
}

/** Options of subcommands that print text on a terminal, and JSON elsewhere. */
export interface OutputOptions {
  /** Undefined: depends on standard output. */
  readonly json?: boolean;
}

const LONGEST_TIMEOUT_MS = 3_600_000;

/** Adds `--url`, `--timeout` and `--token-file`. @param ops whether the command only uses endpoints of operators */
export function addService(command: Command, timeoutMs: number, ops = false): Command {
  return command
    .addOption(ops ? opsUrlOption() : urlOption('URL of the service'))
    .addOption(tokenFileOption())
    .addOption(
      new Option('--timeout <ms>', 'how long to wait for an answer, in milliseconds')
        .argParser(whole(1, LONGEST_TIMEOUT_MS))
        .default(timeoutMs),
    );
}

/** Adds `--json` and `--no-json`. @param what what the JSON is: `one object`, `one object a line` */
export function addOutput(command: Command, what: string): Command {
  return command
    .option('--json', `print ${what} as JSON; the default if the output is not a terminal`)
    .option('--no-json', 'print text; the default on a terminal');
}

/** Whether to print JSON. */
export function wantsJson({ json }: OutputOptions): boolean {
  return json ?? !process.stdout.isTTY;
}

export function tokenFileOption(): Option {
  return new Option(
    '--token-file <file>',
    'file with the token to send; default: the token in the variable RATECACHE_TOKEN, if it is set',
  );
}

function opsUrlOption(): Option {
  return new Option('--url <url>', 'URL of the service, with its OPS_PORT if it has one')
    .argParser(httpUrl)
    .default(ownOpsUrl(), 'http://127.0.0.1:8000, or HOST and OPS_PORT or PORT of the environment');
}

export function urlOption(description: string): Option {
  return new Option('--url <url>', description)
    .argParser(httpUrl)
    .default(ownUrl(), 'http://127.0.0.1:8000, or HOST and PORT of the environment');
}

export function httpUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new InvalidArgumentError('Expected an http or https URL.');
}

/** Parses a number within these bounds, both inclusive. */
export function numeric(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => numberOf(text, 'number', least, most);
}

/** Parses a whole number within these bounds, both inclusive. */
export function whole(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = numberOf(text, 'whole number', least, most);
    if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('Expected a whole number.');
    return value;
  };
}

function numberOf(text: string, expected: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= least && value <= most) return value;
  const bounds = Number.isFinite(most) ? `from ${least} to ${most}` : `of at least ${least}`;
  throw new InvalidArgumentError(`Expected a ${expected} ${bounds}.`);
}

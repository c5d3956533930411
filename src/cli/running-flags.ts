/** Flags of `load` and `replay` for a service that runs already. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunningOptions } from '../../loadtest/target/running.ts';
import { httpUrl, tokenFileOption } from './flags.ts';
import { refuseIdle } from './idle-flags.ts';
import { serviceToken } from './service-token.ts';

export interface RunningFlags {
  readonly url?: string;
  readonly header: readonly (readonly [name: string, value: string])[];
  readonly tokenFile?: string;
  readonly writes?: boolean;
  readonly yesRemote?: boolean;
}

/** @param description of `--url` */
export function addRunning(command: Command, description: string): void {
  command
    .option('--url <url>', description, httpUrl)
    .addOption(
      new Option('--header <line>', 'with --url: send this header, "NAME: VALUE"; may be repeated')
        .argParser(headerOf)
        .default([], 'none'),
    )
    .addOption(tokenFileOption())
    .option('--writes', 'with --url: also send writes and deletes, which change the data of the service')
    .option('--yes-remote', 'with --url: allow an address that is neither loopback nor private');
}

/** @throws Failure for a flag that needs `--url`, which the command line does not contain */
export function refuseIdleRunning(command: Command, { url }: RunningFlags): void {
  if (url === undefined)
    refuseIdle(command, 'without --url', ['--header', '--token-file', '--writes', '--yes-remote']);
}

export function runningOptions(flags: RunningFlags): { readonly running?: RunningOptions } {
  const { url, header, tokenFile, writes = false, yesRemote = false } = flags;
  if (url === undefined) return {};
  return { running: { url, headers: header, token: serviceToken(tokenFile), writes, remote: yesRemote } };
}

/** Parses `NAME: VALUE` and adds it to the headers before it. */
function headerOf(
  text: string,
  before: readonly (readonly [string, string])[],
): (readonly [name: string, value: string])[] {
  const [, name, value] =
    /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError(
      'Expected a header of the form "NAME: VALUE" in visible ASCII characters.',
    );
  return [...before, [name, value]];
}

/** A flag that would change nothing is an error: whoever gave it expects something of it. */
import type { Command } from 'commander';
import { EXIT_USAGE, Failure } from './exits.ts';

/**
 * @param names of flags, such as `--rate`; by default all
 * @param why they have no effect, as the end of a sentence
 * @throws Failure for the first of them that was given
 */
export function refuseIdle(command: Command, why: string, names?: readonly string[]): void {
  const idle = command.options.find(
    (option) =>
      (names === undefined || names.includes(option.long!)) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (idle !== undefined) throw idleFault(idle.long!, why);
}

export function idleFault(flag: string, why: string): Failure {
  return new Failure(`${flag} has no effect ${why}`, EXIT_USAGE);
}

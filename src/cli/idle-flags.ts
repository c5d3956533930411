/** A flag that has no effect is an error, because the user expects an effect. */
import type { Command } from 'commander';
import { EXIT_USAGE, Failure } from './exits.ts';

/**
 * @param names flags, such as `--rate`; all flags by default
 * @param why the end of the sentence "… has no effect …"
 * @throws Failure for the first of these flags that the command line contains
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

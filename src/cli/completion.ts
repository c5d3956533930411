/** Completion candidates of a command line, from the commander definitions of the subcommands. */
import type { Argument, Command, Option } from 'commander';
import { VariableOption } from './options.ts';

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/**
 * @param program with the flags of every subcommand loaded
 * @param words the words after the program's name; the last is the word at the cursor, and may be empty
 * @returns no candidates if the word may be any text, such as a file name
 */
export function candidates(program: Command, words: readonly string[]): Candidate[] {
  const typed = joined(words);
  const current = typed.at(-1) ?? '';
  const before = typed.slice(0, -1);
  const at = before.findIndex((word) => !word.startsWith('-'));
  return found(program, at === -1 ? undefined : before[at], before.slice(at + 1), current).filter(
    ({ value }) => value.startsWith(current),
  );
}

function found(
  program: Command,
  name: string | undefined,
  before: readonly string[],
  current: string,
): Candidate[] {
  if (name === undefined) return current.startsWith('-') ? flagsOf(program) : commandsOf(program);
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined) return [];
  const [flag, value] = current.split('=', 2);
  if (value !== undefined && flag!.startsWith('--')) return valuesOf(optionOf(command, flag!), `${flag}=`);
  const option = optionOf(command, before.at(-1));
  if (option?.required) return valuesOf(option);
  return current.startsWith('-') ? flagsOf(command) : valuesOf(argumentAfter(command, before));
}

/** Joins words that bash has split at `=`: `--format`, `=`, `ibkr` becomes one word. */
function joined(words: readonly string[]): string[] {
  const made: string[] = [];
  let joining = false;
  for (let i = 0; i < words.length; i++) {
    // `joining` remembers the first word. To examine the joined word each time would take quadratic time.
    if (words[i] === '=' && joining) made.push(`${made.pop()}=${words[++i] ?? ''}`);
    else {
      joining = words[i]!.startsWith('--');
      made.push(words[i]!);
    }
  }
  return made;
}

function commandsOf(program: Command): Candidate[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => ({ value: command.name(), description: command.description() }));
}

function flagsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, description }) => ({ value: long!, description }));
}

function valuesOf(of: Option | Argument | undefined, prefix = ''): Candidate[] {
  const values = of instanceof VariableOption ? of.values : of?.argChoices;
  return (values ?? []).map((value) => ({ value: prefix + value, description: '' }));
}

function optionOf(command: Command, flag: string | undefined): Option | undefined {
  return flag === undefined
    ? undefined
    : command.options.find(({ long, short }) => flag === long || flag === short);
}

/** The argument at the position of the cursor. */
function argumentAfter(command: Command, before: readonly string[]): Argument | undefined {
  let operands = 0;
  for (let i = 0; i < before.length; i++) {
    if (!before[i]!.startsWith('-')) operands++;
    else if (optionOf(command, before[i])?.required) i++;
  }
  const last = command.registeredArguments.at(-1);
  return command.registeredArguments[operands] ?? (last?.variadic ? last : undefined);
}

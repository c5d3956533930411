import type { Command } from 'commander';

/** Headings of `ratecache --help`, in the order of the output. */
export type Group = 'Service:' | 'Keys:' | 'Operation:' | 'Quality:' | 'Load:' | 'About:';

/**
 * The part of a subcommand that every start of the program loads. `define` loads the modules that the flags need, and
 * the action those that the work needs. So `serve` and `check` do not load other subcommands.
 */
export interface Subcommand {
  readonly name: string;
  /** One line of `ratecache --help`. */
  readonly summary: string;
  /** Undefined for a hidden subcommand, which only the program itself calls. */
  readonly group?: Group;
  /** The meanings of the exit codes, without EXIT_USAGE and EXIT_OUTPUT, which every subcommand has. */
  readonly exits?: Readonly<Record<number, string>>;
  /** Adds description, arguments, flags and action. */
  readonly define: (command: Command) => void | Promise<void>;
}

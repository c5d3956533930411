import type { Command } from 'commander';

/** Headings of `ratecache --help`, in this order. */
export type Group = 'Service:' | 'Operation:' | 'Load:' | 'About:';

/**
 * A subcommand, as far as every start of the program has to know it. The rest is loaded when it is asked for, so that
 * `serve` and `check` pay for nobody else: `define` loads what its flags take, and the action what the work takes.
 */
export interface Subcommand {
  readonly name: string;
  /** One line of `ratecache --help`. */
  readonly summary: string;
  /** Undefined hides it: the program calls it itself. */
  readonly group?: Group;
  /** What each exit code means, except EXIT_USAGE and EXIT_OUTPUT, which every subcommand has. */
  readonly exits?: Readonly<Record<number, string>>;
  /** Adds description, arguments, flags and action. */
  readonly define: (command: Command) => void | Promise<void>;
}

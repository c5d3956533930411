import { Command } from 'commander';
import { EXIT_OUTPUT, EXIT_USAGE } from './exits.ts';
import type { Subcommand } from './subcommand.ts';

/** A subcommand whose flags and action are loaded on first use. */
export class LazyCommand extends Command {
  readonly subcommand: Subcommand;
  #defined: Promise<void> | undefined;

  constructor(subcommand: Subcommand) {
    super(subcommand.name);
    this.subcommand = subcommand;
    this.description(subcommand.summary);
    if (subcommand.group !== undefined) this.helpGroup(subcommand.group);
  }

  /** The exit codes and their meanings, in ascending order. */
  get exits(): [code: string, meaning: string][] {
    return Object.entries({
      [EXIT_USAGE]: 'the command line is invalid',
      [EXIT_OUTPUT]: 'standard output could not be written, for example because the disk is full',
      ...this.subcommand.exits,
    });
  }

  define(): Promise<void> {
    this.#defined ??= this.#define();
    return this.#defined;
  }

  async #define(): Promise<void> {
    await this.subcommand.define(this);
    const lines = this.exits.map(([code, meaning]) => `  ${code.padStart(2)}  ${meaning}`);
    this.addHelpText('after', ['\nExit codes:', ...lines].join('\n'));
  }
}

/** Loads the flags of every subcommand. */
export async function defineAll(program: Command): Promise<void> {
  for (const command of program.commands) if (command instanceof LazyCommand) await command.define();
}

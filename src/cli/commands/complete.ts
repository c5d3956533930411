import type { Subcommand } from '../subcommand.ts';

/** Called by the scripts of `completion`. */
export const complete: Subcommand = {
  name: 'complete',
  summary: 'print the completion candidates of a command line',
  define(command) {
    command.argument('[words...]').action(async (words: string[]) => {
      const { candidates } = await import('../completion.ts');
      const { defineAll } = await import('../lazy-command.ts');
      await defineAll(command.parent!);
      for (const { value, description } of candidates(command.parent!, words))
        process.stdout.write(description === '' ? `${value}\n` : `${value}\t${description}\n`);
    });
  },
};

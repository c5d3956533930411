import type { Subcommand } from '../subcommand.ts';

/** What the scripts of `completion` ask. */
export const complete: Subcommand = {
  name: 'complete',
  summary: 'what may come next on a command line',
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

import type { Subcommand } from '../subcommand.ts';

/** Runs a part of the load harness. The generator and its targets must not share a process. */
export const loadPart: Subcommand = {
  name: 'load-part',
  summary: 'run a part of the load harness in its own process',
  async define(command) {
    const { Argument } = await import('commander');
    const { PARTS } = await import('../../../loadtest/support/part.ts');
    command
      .addArgument(new Argument('<part>').choices(PARTS))
      .argument('[parameters...]')
      .action(async (part: (typeof PARTS)[number], parameters: string[]) => {
        const [first, second] = parameters.map(Number);
        switch (part) {
          case 'generator': {
            const { generateOnMessage } = await import('../../../loadtest/generator/main.ts');
            return generateOnMessage();
          }
          case 'constant-server': {
            const { serveConstantAnswers } = await import('../../../loadtest/target/constant-server.ts');
            return serveConstantAnswers(first!, second!);
          }
          case 'memory': {
            const { sendMemory } = await import('../../../loadtest/capacity/memory-child.ts');
            return sendMemory(first!, second!);
          }
        }
      });
  },
};

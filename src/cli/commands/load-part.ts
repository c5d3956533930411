import type { Subcommand } from '../subcommand.ts';

/** Processes of the harness: what generates load, and what it is compared with, must not share one. */
export const loadPart: Subcommand = {
  name: 'load-part',
  summary: 'a process that the harness starts beside itself',
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

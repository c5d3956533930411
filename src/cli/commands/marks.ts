import type { Command } from 'commander';
import type { MarkOptions, UnmarkOptions } from '../marks.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS } from './key-commands.ts';

const TIMEOUT_MS = 30_000;

export const mark: Subcommand = {
  name: 'mark',
  summary: 'mark keys as suspect or halted',
  group: 'Quality:',
  exits: { 0: 'marked', ...CALL_EXITS },
  async define(command) {
    const { numeric } = await import('../flags.ts');
    await defineSelection(command);
    command
      .option('--halted', 'readers receive 503 halted')
      .option('--suspect', 'readers receive the value with a sign')
      .requiredOption('--reason <text>', 'why, for readers')
      .requiredOption('--ttl <seconds>', 'when the mark ends', numeric(0.001))
      .action(async (keys: string[], options: MarkOptions) => {
        const { mark } = await import('../marks.ts');
        await mark(keys, options);
      });
  },
};

export const marks: Subcommand = {
  name: 'marks',
  summary: 'list the marks',
  group: 'Quality:',
  exits: { 0: 'listed', ...CALL_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, TIMEOUT_MS), 'one object').action(async (options) => {
      const { listMarks } = await import('../marks.ts');
      await listMarks(options);
    });
  },
};

export const unmark: Subcommand = {
  name: 'unmark',
  summary: 'remove a mark, or all marks of exactly these keys',
  group: 'Quality:',
  exits: { 0: 'removed, or no such mark exists', ...CALL_EXITS },
  async define(command) {
    await defineSelection(command);
    command
      .option('--id <id>', 'the mark with this id, as marks shows it')
      .action(async (keys: string[], options: UnmarkOptions) => {
        const { unmark } = await import('../marks.ts');
        await unmark(keys, options);
      });
  },
};

export const sources: Subcommand = {
  name: 'sources',
  summary: 'list the sources, and whether they are alive',
  group: 'Quality:',
  exits: { 0: 'listed', ...CALL_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, TIMEOUT_MS), 'one object').action(async (options) => {
      const { listSources } = await import('../marks.ts');
      await listSources(options);
    });
  },
};

async function defineSelection(command: Command): Promise<void> {
  const { Option } = await import('commander');
  const { addOutput, addService } = await import('../flags.ts');
  const { TYPES } = await import('../../key.ts');
  const type = new Option('--type <type>', 'all keys of this type; repeatable').choices(TYPES);
  const one = type.parseArg!;
  type.argParser((text, before: string[] = []) => [...before, one(text, '')]);
  addOutput(addService(command, TIMEOUT_MS), 'the answer of the service')
    .argument('[keys...]', 'keys, such as borrow_rate:AAPL')
    .addOption(type)
    .option('--prefix <text>', 'all keys that begin with this; repeatable', (text, before: string[] = []) => [
      ...before,
      text,
    ]);
}

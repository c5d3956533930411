/** The benchmarks of the Makefile. Exit code 1: the gate fails. Exit code 2: something could not be measured. */
import { Command, CommanderError } from 'commander';
import { clients } from './clients/command.ts';
import { peers } from './compare/command.ts';
import { links } from './links/command.ts';
import { pauses } from './pauses/command.ts';
import { processes } from './processes/command.ts';
import { profile } from './profile/command.ts';
import { suites } from './suites/command.ts';
import { topologies } from './topologies/command.ts';

const program = new Command('bench').exitOverride();
for (const command of [suites, peers, clients, pauses, profile, links, topologies, processes])
  program.addCommand(command.exitOverride());
try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed the help, or what is wrong.
  if (!(error instanceof CommanderError)) console.error(`\n${(error as Error).message}`);
  if (!(error instanceof CommanderError && error.exitCode === 0)) process.exitCode = 2;
}
// Connections of generators and timers of peers may be open still.
process.exit();

/**
 * The entry point of the single binary. The build runs it once and stores the memory with these loaded modules as a
 * snapshot. Every start restores the snapshot. So it must not contain anything that belongs to one process: no time, no
 * random number, no part of the environment.
 */
import { startupSnapshot } from 'node:v8';
import '../cli/check.ts';
import '../cli/flags.ts';
import '../cli/idle-variables.ts';
import '../cli/options.ts';
import '../service/serve.ts';
import { restartEpoch } from '../cache/entry.ts';
import { serve } from '../cli/commands/serve.ts';
import { LazyCommand } from '../cli/lazy-command.ts';
import { createProgram } from '../cli/program.ts';
import { run } from '../cli/run.ts';
import { holdHangups } from '../hangup.ts';

const program = createProgram();
// The flags of the service are the same at every start; those of other subcommands have defaults from the environment.
for (const command of program.commands)
  if (command instanceof LazyCommand && command.subcommand === serve) void command.define();

startupSnapshot.setDeserializeMainFunction(() => {
  holdHangups(process.argv[2]);
  restartEpoch();
  run(program);
});

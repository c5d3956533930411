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
import { run } from '../cli/run.ts';

startupSnapshot.setDeserializeMainFunction(() => {
  restartEpoch();
  run();
});

/**
 * Where the single binary begins. It is run once, when it is built; its memory as it is then, with these modules loaded,
 * is what every start begins with. Nothing may be kept in it, therefore, that belongs to one process: no time, no
 * random number, nothing of the environment.
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

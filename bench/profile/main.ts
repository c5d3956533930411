/** `make bench-profile`: the command line. Exit code 2 where something could not be measured. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { GENERATOR_CORE, pin } from '../../loadtest/support/pin.ts';
import { numeric } from '../../src/cli/flags.ts';
import type { Row } from '../compare/row.ts';
import { get, get16 } from '../compare/rows/l1-hit.ts';
import { getL2, load1, load64 } from '../compare/rows/l2-hit.ts';
import { put } from '../compare/rows/put.ts';
import { wsGetJson, wsGetMsgpack, wsMget } from '../compare/rows/websocket.ts';
import { terminal } from '../support/cells.ts';
import { progressOn } from '../support/progress.ts';
import { runCommand } from '../support/run-command.ts';
import { settingOf, settingSentence } from '../support/setting.ts';
import { record } from './record.ts';
import { profileRow, type RowProfile } from './run-row.ts';
import { functionCells, groupCells, sentence } from './table.ts';

/** Of `make bench-peers`: what a target is about. */
const ROWS: readonly Row[] = [get, get16, getL2, load64, load1, put, wsGetJson, wsGetMsgpack, wsMget];

interface Options {
  readonly seconds: number;
  readonly interval: number;
  readonly keep?: string;
  readonly record: boolean;
}

const command = new Command('make bench-profile')
  .description('Profiles ratecache under the loads of make bench-peers: what a request pays for.')
  .argument('[rows...]', `of ${ROWS.map(({ name }) => name).join(', ')}; all without one`)
  .option('--seconds <n>', 'of the profile, and of the run without it before', numeric(0.1), 4)
  .option('--interval <µs>', 'between two samples', numeric(50), 500)
  .option('--keep <dir>', 'write the profiles there, as ROW.cpuprofile, for a viewer')
  .option('--record', 'write the tables to docs/performance/profiles.md', false)
  .action(run);

await runCommand(command, 'the profile');
process.exit();

async function run(names: readonly string[], options: Options): Promise<void> {
  const { seconds, interval, keep } = options;
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`there is no row named ${unknown.join(' or ')}`);
  if (options.record && names.length > 0) throw new Error('what is recorded is all of it, and not a part');
  const rows = ROWS.filter(({ name }) => names.length === 0 || names.includes(name));
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  const started = Date.now();
  // What this process does meanwhile is nothing on the server's core.
  pin(GENERATOR_CORE, process.pid);
  const progress = progressOn();
  const profiles: RowProfile[] = [];
  for (const [i, row] of rows.entries()) {
    progress.begins(`[${i + 1}/${rows.length}] ${row.name}`);
    const profile = await profileRow(row, { seconds, intervalUs: interval });
    progress.end();
    show(profile);
    if (keep !== undefined)
      writeFileSync(join(keep, `${row.name}.cpuprofile`), JSON.stringify(profile.profile));
    profiles.push(profile);
  }
  const setting = settingSentence(settingOf(started), `${seconds} s of each, a sample every ${interval} µs`);
  console.log(setting);
  if (options.record) record(setting, profiles);
}

function show(profile: RowProfile): void {
  console.log(`\n${profile.title}. ${sentence(profile)}`);
  console.log(terminal(groupCells(profile)));
  console.log(terminal(functionCells(profile)));
}

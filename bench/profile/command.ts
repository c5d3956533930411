/** `make bench-profile`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { join } from 'node:path';
import { Command } from 'commander';
import { numeric } from '../../src/cli/flags.ts';
import { significant } from '../../src/format.ts';
import { chosenRows } from '../compare/choose.ts';
import { cpuSeconds } from '../compare/process-tree.ts';
import type { Row } from '../compare/row.ts';
import { get, get16 } from '../compare/rows/l1-hit.ts';
import { getL2, load1, load64, put } from '../compare/rows/redis.ts';
import { wsGetJson, wsGetMsgpack, wsMget, wsMgetIds } from '../compare/rows/websocket.ts';
import { onStage, type Stage } from '../compare/stage.ts';
import { machineSentence } from '../support/machine.ts';
import { need } from '../support/need.ts';
import { endProgress, progress } from '../support/progress.ts';
import { type Cells, record, type Section, show } from '../support/report.ts';
import { costsOf } from './costs.ts';
import { profiled } from './profiler.ts';

const ROWS: readonly Row[] = [
  get,
  get16,
  getL2,
  load64,
  load1,
  put,
  wsGetJson,
  wsGetMsgpack,
  wsMget,
  wsMgetIds,
];
const WARMUP_SECONDS = 1.5;
const INTERVAL_US = 500;
/** Of each table, the most expensive ones. */
const LINES = 10;

interface Options {
  readonly seconds: number;
  readonly keep?: string;
  readonly record: boolean;
}

export const profile = new Command('profile')
  .description('Profiles ratecache under the loads of the comparison: what a request pays for.')
  .argument('[rows...]', `of ${ROWS.map(({ name }) => name).join(', ')}; all without one`)
  .option('--seconds <n>', 'length of a profile', numeric(0.1), 4)
  .option('--keep <dir>', 'write the profiles there as ROW.cpuprofile, for the developer tools of a browser')
  .option('--record', 'write the tables to docs/performance/profiles.md', false)
  .action(run);

async function run(names: string[], { seconds, keep, record: isRecorded }: Options): Promise<void> {
  if (isRecorded && names.length > 0) throw new Error('--record needs all rows: leave out their names');
  const rows = chosenRows(ROWS, names);
  const started = Date.now();
  const sections: Section[] = [];
  for (const [i, row] of rows.entries()) {
    progress(`[${i + 1}/${rows.length}] ${row.name}`);
    const { requests, cpu, cpuProfile } = await onStage((stage) => profileRow(row, seconds, stage));
    if (keep !== undefined) {
      mkdirSync(keep, { recursive: true });
      writeFileSync(join(keep, `${row.name}.cpuprofile`), JSON.stringify(cpuProfile));
    }
    const { groups, functions } = costsOf(cpuProfile, cpu, requests);
    const cpuUs = (cpu * 1e6) / requests;
    const text = `${significant(cpuUs)} µs of CPU for each of ${requests.toLocaleString('en-US')} requests.`;
    sections.push(
      { title: row.title, text, table: costTable('where the time goes', groups, cpuUs) },
      { table: costTable('function', functions, cpuUs) },
    );
  }
  endProgress();
  const machine = machineSentence(started, `${seconds} s of each, a sample every ${INTERVAL_US} µs`);
  show([...sections, { text: machine }]);
  if (isRecorded) record('performance/profiles.md', 'profiles', [{ text: machine }, ...sections]);
}

/** Profiles the first contestant of a row, in a process that has done nothing else. */
function profileRow({ name, contestants }: Row, seconds: number, stage: Stage) {
  const { contender, load } = contestants[0]!;
  need(...contender.needs, ...(load.needs ?? []));
  return stage.awake(contender, async (server) => {
    await load.verify?.(server);
    await load.run(server, WARMUP_SECONDS);
    const [pid] = server.pids as [number];
    const before = cpuSeconds([pid]);
    let requests = 0;
    const cpuProfile: Profiler.Profile = await profiled(pid, INTERVAL_US, async () => {
      const outcome = await load.run(server, seconds);
      if (outcome.faults.length > 0) throw new Error(`${name}: ${outcome.faults.join(', ')}`);
      requests = outcome.requests;
    });
    return { requests, cpu: cpuSeconds([pid]) - before, cpuProfile };
  });
}

function costTable(head: string, costs: ReadonlyMap<string, number>, cpuUs: number): Cells {
  const sorted = [...costs].sort(([, one], [, other]) => other - one).slice(0, LINES);
  return {
    head: [head, '%', 'µs'],
    lines: sorted.map(([what, us]) => [what, ((100 * us) / cpuUs).toFixed(1), significant(us)]),
  };
}

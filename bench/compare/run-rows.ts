import { need } from '../support/need.ts';
import { endProgress, progress } from '../support/progress.ts';
import type { Answer, Running } from './contender.ts';
import type { Figure } from './figure.ts';
import type { Load } from './load.ts';
import { cpuSeconds, treeOf } from './process-tree.ts';
import type { Contestant, Row } from './row.ts';
import type { Stage } from './stage.ts';

export interface Effort {
  readonly rounds: number;
  /** Of one run. */
  readonly seconds: number;
}

export interface RowResult {
  readonly row: Row;
  readonly contestants: readonly ContestantResult[];
}

export interface ContestantResult {
  readonly name: string;
  readonly title: string;
  /** The runs without faults. */
  readonly samples: readonly Sample[];
  /** The faults of each other run. */
  readonly invalid: readonly string[];
  /** Why it was not measured to the end. */
  readonly absent: string | undefined;
}

/** One run. */
export interface Sample {
  /** Counts from 0. Contestants are compared round by round. */
  readonly round: number;
  readonly figures: Figures;
}

export type Figures = Partial<Record<Figure, number>>;

/** Seconds before each run, and fewer before a short one: after a pause the caches of the machine are cold. */
const WARMUP = 0.3;
const WARMUP_SHARE = 0.25;
/** Characters of a cell that says why there are no figures. */
const WHY_LENGTH = 80;
/** Before the first run: V8 has not compiled the code of a new process yet. */
const FIRST_WARMUP = 1;

/** Measures the rows one after another. */
export async function runRows(rows: readonly Row[], effort: Effort, stage: Stage): Promise<RowResult[]> {
  const results: RowResult[] = [];
  for (const [i, row] of rows.entries()) {
    progress(`[${i + 1}/${rows.length}] ${row.name}`);
    results.push(await runRow(row, effort, stage));
  }
  endProgress();
  return results;
}

async function runRow(row: Row, { rounds, seconds }: Effort, stage: Stage): Promise<RowResult> {
  const entrants = row.contestants.map((contestant) => new Entrant(contestant));
  for (let round = 0; round < Math.min(rounds, row.rounds ?? rounds); round++)
    // Every other round goes backwards, so that no contestant is always measured after the same other one.
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed())
      await entrant.measure(stage, entrants[0]!.answer, seconds, round);
  return { row, contestants: entrants };
}

/** A contestant in the course of a row. */
class Entrant implements ContestantResult {
  readonly name: string;
  readonly title: string;
  readonly samples: Sample[] = [];
  readonly invalid: string[] = [];
  absent: string | undefined;
  /** The first of its answers. */
  answer: Answer | undefined;
  readonly #contestant: Contestant;

  constructor(contestant: Contestant) {
    this.#contestant = contestant;
    this.name = contestant.name;
    this.title = contestant.title;
  }

  /** @param model the answer that a server which imitates takes over */
  async measure(stage: Stage, model: Answer | undefined, seconds: number, round: number): Promise<void> {
    if (this.absent !== undefined) return;
    const { contender, load } = this.#contestant;
    const isFirst = this.samples.length + this.invalid.length === 0;
    try {
      need(...contender.needs, ...(load.needs ?? []));
      await stage.awake(contender, async (server) => {
        if (server.imitate !== undefined && model !== undefined) await server.imitate(model);
        else if (isFirst) await load.verify?.(server);
        this.answer = await load.example?.(server);
        const warmup = isFirst ? FIRST_WARMUP : Math.min(WARMUP, WARMUP_SHARE * seconds);
        if (load.warmUp !== undefined) await load.warmUp(server);
        else await load.run(server, warmup);
        const { figures, faults } = await measure(server, load, seconds);
        if (faults.length === 0) this.samples.push({ round, figures });
        else this.invalid.push(faults.join(', '));
      });
    } catch (error) {
      this.absent = (error as Error).message.split('\n', 1)[0]!.slice(0, WHY_LENGTH);
    }
  }
}

/** One run of the load. */
export async function measure(
  server: Running,
  load: Load,
  forSeconds: number,
): Promise<{ readonly figures: Figures; readonly faults: readonly string[] }> {
  const pids = treeOf(server.pids);
  const before = cpuSeconds(pids);
  const { requests, seconds, faults, figures } = await load.run(server, forSeconds);
  const cpu = cpuSeconds(pids) - before;
  return {
    figures: {
      perSecond: requests / seconds,
      cpuUs: (cpu * 1e6) / requests,
      core: cpu / seconds,
      ...figures,
    },
    faults: requests === 0 ? [...faults, 'no request was answered'] : faults,
  };
}

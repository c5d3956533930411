import type { Progress } from '../support/progress.ts';
import { measure, type Sample } from './measure.ts';
import type { Contestant, Row } from './row.ts';
import { missingFor, type Stage } from './stage.ts';

export interface Effort {
  readonly rounds: number;
  /** Of one run. */
  readonly seconds: number;
}

/** Before each run, in seconds and less before a short one: after a pause the caches of the machine are cold. */
const WARMUP = 0.3;
const WARMUP_SHARE = 0.25;
/** Before the first: the code of a new process is not compiled yet. */
const FIRST_WARMUP = 1;

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly references: readonly string[];
  readonly columns: Row['columns'];
  readonly contestants: readonly ContestantResult[];
}

export interface ContestantResult {
  readonly name: string;
  readonly title: string;
  readonly version?: string;
  /** Why it was not measured, where it was not. */
  readonly absent?: string;
  readonly failed: boolean;
  readonly samples: readonly Sample[];
}

/** Measures rows one after another. */
export async function runRows(
  rows: readonly Row[],
  effort: Effort,
  stage: Stage,
  progress: Progress,
): Promise<RowResult[]> {
  const results: RowResult[] = [];
  for (const [i, row] of rows.entries()) {
    const begins = (what: string) => progress.begins(`[${i + 1}/${rows.length}] ${row.name}: ${what}`);
    results.push(await runRow(row, effort, stage, begins));
  }
  progress.end();
  return results;
}

async function runRow(
  row: Row,
  effort: Effort,
  stage: Stage,
  begins: (what: string) => void,
): Promise<RowResult> {
  const { name, title, about, references, columns, contestants, anew = false } = row;
  const entrants = contestants.map((contestant) => new Entrant(contestant));
  const rounds = Math.min(effort.rounds, row.rounds ?? effort.rounds);
  const seconds = effort.seconds * (row.longer ?? 1);
  for (let round = 0; round < rounds; round++) {
    // Every other round backwards, so that none is always measured after the same other.
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      if (entrant.absent !== undefined) continue;
      begins(`${entrant.contestant.title}, round ${round + 1} of ${rounds}`);
      if (anew) await entrant.begin(stage);
      const { model = contestants[0]!.name } = entrant.contestant;
      const answer = entrants.find((each) => each.contestant.name === model)?.answer;
      await entrant.measure(stage, answer, seconds, round);
    }
  }
  return {
    name,
    title,
    about,
    references,
    columns,
    contestants: entrants.map((entrant) => entrant.result()),
  };
}

/** A contestant in the course of a row. */
class Entrant {
  readonly contestant: Contestant;
  /** Why it is not measured, or not any more. */
  absent: string | undefined;
  /** One of its answers, of its last run. */
  answer: Buffer | undefined;
  readonly #samples: Sample[] = [];
  #failed = false;
  #known = false;

  constructor(contestant: Contestant) {
    this.contestant = contestant;
    const missing = missingFor(contestant.peer);
    if (missing !== undefined) this.absent = `not installed: ${missing} is missing`;
  }

  /** What is measured next is a new process. */
  async begin(stage: Stage): Promise<void> {
    await stage.end(this.contestant.peer);
    this.#known = false;
  }

  /** @param model the answer that a server which imitates takes over */
  async measure(stage: Stage, model: Buffer | undefined, seconds: number, round: number): Promise<void> {
    const { peer, load } = this.contestant;
    try {
      await stage.awake(peer, async (server) => {
        if (server.imitate !== undefined && model !== undefined) await server.imitate(model);
        else if (!this.#known) await load.verify?.(server);
        this.answer = await load.example?.(server);
        if (server.imitate !== undefined) compareLengths(model, this.answer);
        const warmup = this.#known ? Math.min(WARMUP, WARMUP_SHARE * seconds) : FIRST_WARMUP;
        if (!load.warmsUp) await load.run(server, warmup);
        this.#known = true;
        this.#samples.push(await measure(server, load, seconds, round));
      });
    } catch (error) {
      this.#failed = true;
      this.absent = `failed: ${(error as Error).message.split('\n', 1)[0]}`;
    }
  }

  result(): ContestantResult {
    const { name, title, peer } = this.contestant;
    const version = peer.version?.();
    return {
      name,
      title,
      ...(version === undefined ? {} : { version }),
      ...(this.absent === undefined ? {} : { absent: this.absent }),
      failed: this.#failed,
      samples: this.#samples,
    };
  }
}

function compareLengths(model: Buffer | undefined, imitation: Buffer | undefined): void {
  if (model?.length !== imitation?.length)
    throw new Error(`the imitation has ${imitation?.length} bytes, and the answer ${model?.length}`);
}

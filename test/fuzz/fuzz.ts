import { checkDecoder } from './decoders/run.ts';
import { randomOf, Values } from './grammar/values.ts';
import { Fault, type Kind, type LiveKind, type Source } from './kind.ts';
import { Target } from './live/target.ts';

/** After so many inputs a live service must be as it was before. */
const BATCH = 1000;

export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
}

/** A fault with what is needed to see it again. */
export interface Report {
  readonly kind: string;
  readonly message: string;
  /** How to replay it. */
  readonly replay: string;
  /** The input; undefined if no single input causes the fault. */
  readonly input: string | undefined;
}

/** Fuzzes services one after the other: a service that has failed is replaced. Call `close` at the end. */
export class Fuzzer {
  #target: Target | undefined;

  /** Returns the first fault among these inputs of a kind, if any. */
  async run(kind: Kind, { seed, from, count }: Range): Promise<Report | undefined> {
    const values = new Values(seed);
    const source = (index: number): Source => ({ random: randomOf(seed, kind.name, index), values, index });
    const report = (first: number, length: number, message: string): Report => ({
      kind: kind.name,
      message,
      replay: `--kind ${kind.name} --seed ${seed} ${length === 1 ? `--only ${first}` : `--from ${first} --inputs ${length}`}`,
      input: length === 1 ? kind.show(source(first)) : undefined,
    });
    if (kind.decodes) {
      const fault = await faultOf(() => checkDecoder(kind.name, seed, from, count));
      return fault && report(fault.index ?? from, fault.index === undefined ? count : 1, fault.message);
    }
    for (let first = from; first < from + count; first += BATCH) {
      const length = Math.min(BATCH, from + count - first);
      const indices = Array.from({ length }, (_, i) => first + i);
      const fault = await this.#batch(kind, indices.map(source));
      if (fault === undefined) continue;
      // The batch has several inputs under way at a time, so each is tried alone.
      for (const index of likely(indices, fault.index)) {
        const alone = await this.#batch(kind, [source(index)]);
        if (alone !== undefined) return report(index, 1, alone.message);
      }
      return report(first, length, fault.message);
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#target?.stop();
    this.#target = undefined;
  }

  async #batch(kind: LiveKind, batch: readonly Source[]): Promise<Fault | undefined> {
    this.#target ??= await Target.start();
    const target = this.#target;
    const fault = await faultOf(async () => {
      await kind.send(target, batch).catch(async (error) => {
        // The end of the service, or the error in its log, tells more than what the client saw.
        const { index } = error as Fault;
        await target.checkAlive(index);
        target.checkLog(index);
        throw error;
      });
      await target.well();
    });
    if (fault !== undefined) await this.close();
    return fault;
  }
}

/** The suspect first. */
function likely(indices: readonly number[], suspect: number | undefined): readonly number[] {
  return suspect === undefined ? indices : [suspect, ...indices.filter((index) => index !== suspect)];
}

async function faultOf(run: () => Promise<void>): Promise<Fault | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    return new Fault(undefined, (error as Error).stack ?? String(error), error);
  }
}

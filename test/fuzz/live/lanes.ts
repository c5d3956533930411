import { Fault, type Source } from '../kind.ts';

/** How many inputs are under way at the same time. */
const LANES = 32;

/** Something that a lane uses for all its inputs. */
export interface Lane {
  send(source: Source): Promise<void>;
  close(): void;
}

/** Sends a batch over several lanes. Each lane sends one input after the other. @throws Fault */
export async function inLanes(batch: readonly Source[], open: () => Lane): Promise<void> {
  const rest = batch[Symbol.iterator]();
  const run = async () => {
    const lane = open();
    try {
      for (const source of rest)
        await lane.send(source).catch((error: unknown) => {
          throw error instanceof Fault ? error : new Fault(source.index, (error as Error).message, error);
        });
    } finally {
      lane.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, batch.length) }, run));
}

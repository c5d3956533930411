/** The process that one suite is measured in: no suite finds the heap or the compiled code of another. */
import type { Effort } from './effort.ts';
import { measureGroup } from './measure.ts';
import type { Result } from './result.ts';
import type { Group } from './suite.ts';

export interface Task {
  /** URL of the `*.bench.ts`. */
  readonly url: string;
  readonly suite: string;
  readonly effort: Effort;
  readonly withPeers: boolean;
}

/** What the process tells: which benchmark it begins, and what each group came to. */
export type Message = { readonly begins: string } | { readonly results: readonly Result[] };

if (process.send !== undefined) {
  const tell = (message: Message) => void process.send!(message);
  process.once('message', async (task) => {
    await measure(task as Task, tell);
    process.disconnect();
    // Connections of the peers may be open still, and timers of theirs run.
    process.exit();
  });
}

async function measure({ url, suite, effort, withPeers }: Task, tell: (message: Message) => void) {
  const { default: groups } = (await import(url)) as { readonly default: readonly Group[] };
  for (const { name: group, prepare } of groups) {
    tell({ begins: group });
    const prepared = await prepare();
    globalThis.gc?.();
    const measured = await measureGroup(prepared, effort, withPeers, (name) =>
      tell({ begins: `${group}: ${name}` }),
    );
    await prepared.close?.();
    const { reference } = prepared;
    tell({ results: measured.map((each) => ({ ...each, suite, group, reference })) });
  }
}

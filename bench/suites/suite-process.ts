/** The process that one suite is measured in: no suite finds the heap or the compiled code of another. */
import { answerParent } from '../support/child.ts';
import { type Effort, type Measured, measureGroup } from './measure.ts';
import type { Group } from './suite.ts';

export interface SuiteJob {
  /** URL of the `*.bench.ts`. */
  readonly url: string;
  readonly effort: Effort;
}

export interface GroupResult {
  readonly group: string;
  readonly measured: readonly Measured[];
}

answerParent(async ({ url, effort }: SuiteJob): Promise<GroupResult[]> => {
  const { default: groups } = (await import(url)) as { readonly default: readonly Group[] };
  const results: GroupResult[] = [];
  for (const { name, prepare } of groups) {
    const prepared = await prepare();
    globalThis.gc!();
    results.push({ group: name, measured: await measureGroup(prepared, effort) });
    await prepared.close?.();
  }
  return results;
});

/** The worked example of docs/capacity.md. `make capacity ARGS=--record` writes it between the marks. */
import { blocksOf, markdownTable } from '../report/document.ts';
import type { Capacity } from './capacity.ts';
import type { Planned } from './html.ts';
import {
  demandSentence,
  KNEE_HEAD,
  kneeRow,
  machineSentence,
  memorySentence,
  PLAN_HEAD,
  planRows,
} from './lines.ts';
import type { Demand, Limits } from './plan.ts';

export function exampleOf(
  capacity: Capacity,
  planned: readonly Planned[],
  demand: Demand,
  limits: Limits,
  command: string,
): string {
  return blocksOf([
    `\`${command}\``,
    machineSentence(capacity),
    markdownTable(KNEE_HEAD, capacity.scenarios.map(kneeRow)),
    memorySentence(capacity),
    `Planned for ${demandSentence(demand, limits)}`,
    ...planned.flatMap(({ scenario, plan }) =>
      plan === null
        ? [`**${scenario.name}**: even the lowest rate failed.`]
        : [
            `**${scenario.name}**`,
            markdownTable(PLAN_HEAD, planRows(plan)),
            ...(plan.problems.length > 0 ? [plan.problems.map((problem) => `- ${problem}`).join('\n')] : []),
          ],
    ),
  ]);
}

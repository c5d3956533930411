/** Capacity and plan as one HTML file, with a plot for each scenario. */
import { asset } from '../report/assets.ts';
import { escapeHtml, renderPage } from '../report/page.ts';
import type { Capacity, ScenarioCapacity } from './capacity.ts';
import {
  demandSentence,
  KNEE_HEAD,
  kneeRow,
  machineSentence,
  memorySentence,
  PLAN_HEAD,
  planRows,
} from './lines.ts';
import type { Demand, Limits, Plan } from './plan.ts';

export interface Planned {
  readonly scenario: ScenarioCapacity;
  /** Null if no rate held. */
  readonly plan: Plan | null;
}

export function capacityPage(
  capacity: Capacity,
  planned: readonly Planned[],
  demand: Demand,
  limits: Limits,
): string {
  const body = [
    '<h1>ratecache capacity</h1>',
    paragraph(machineSentence(capacity), 'muted'),
    table('The highest offered rate at which every gate holds', KNEE_HEAD, capacity.scenarios.map(kneeRow)),
    paragraph(memorySentence(capacity)),
    paragraph(`Planned for ${demandSentence(demand, limits)}`),
    ...planned.map(section),
  ];
  return renderPage({
    title: 'ratecache capacity',
    body: body.join('\n'),
    data: capacity.scenarios,
    script: asset('capacity/knees.js'),
  });
}

function section({ scenario, plan }: Planned, i: number): string {
  return `<section id="scenario-${i}">
<h2>${escapeHtml(scenario.name)}</h2>
${paragraph(scenario.question)}
<div class="plots" id="plot-${i}"></div>
${plan === null ? paragraph('Even the lowest rate failed, so no plan was made.', 'notice') : planTable(plan)}
</section>`;
}

function planTable(plan: Plan): string {
  return [
    table('Plan', PLAN_HEAD, planRows(plan)),
    ...plan.problems.map((problem) => paragraph(problem, 'notice')),
  ].join('\n');
}

function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return (
    `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption><thead>${row('th', head)}</thead>` +
    `<tbody>${rows.map((cells) => row('td', cells)).join('\n')}</tbody></table></div>`
  );
}

function paragraph(text: string, className = ''): string {
  return `<p${className === '' ? '' : ` class="${className}"`}>${escapeHtml(text.replaceAll('`', ''))}</p>`;
}

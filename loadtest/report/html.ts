/** The report of a set of runs as one HTML file: questions, results, and plots over time. */
import { count, percent } from '../../src/format.ts';
import type { GateOutcome, RunResult, Verdict } from '../result.ts';
import { asset } from './assets.ts';
import {
  buildText,
  duration,
  errorShare,
  gateLimits,
  gateValue,
  hitShare,
  loadText,
  machineText,
  PERCENTILES,
  VERDICT_WORD,
} from './format.ts';
import { escapeHtml, renderPage } from './page.ts';

export function htmlReport(results: readonly RunResult[]): string {
  const body = [
    '<h1>ratecache load report</h1>',
    results.length === 0 ? '<p class="notice">No profile ran.</p>' : provenance(results) + overview(results),
    ...results.map(section),
  ];
  return renderPage({
    title: 'ratecache load report',
    body: body.join('\n'),
    data: results,
    script: asset('report/plots.js'),
  });
}

const OVERVIEW_PERCENTILES = PERCENTILES.filter(([label]) => ['p50', 'p95', 'p99', 'max'].includes(label));

/** Program, machine and time of the runs. */
function provenance(results: readonly RunResult[]): string {
  const machines = new Set(results.map(({ machine }) => machineText(machine)));
  const times = results.map(({ startedAt }) => startedAt).sort();
  const when = times[0] === times.at(-1) ? times[0]! : `${times[0]} to ${times.at(-1)}`;
  const builds = new Set(results.map(buildText));
  return [...builds, ...machines, when].map((text) => `<p class="muted">${escapeHtml(text)}</p>`).join('\n');
}

function overview(results: readonly RunResult[]): string {
  const head = ['profile', 'verdict', 'load'].map((label) => cell('th', label));
  const numbers = ['answers/s', ...OVERVIEW_PERCENTILES.map(([label]) => label)].map((label) =>
    cell('th', label, 'number'),
  );
  const rows = results.map((result, i) =>
    [
      `<td><a href="#profile-${i}">${escapeHtml(result.profile)}</a></td>`,
      verdictCell(result.verdict),
      cell('td', loadText(result), '', 'load'),
      cell('td', count(result.throughputPerSecond), 'number', 'answers/s'),
      ...OVERVIEW_PERCENTILES.map(([label, field]) =>
        cell('td', duration(result.latency[field]), 'number', label),
      ),
    ].join(''),
  );
  return table('', [...head, ...numbers].join(''), rows, 'cards');
}

function section(result: RunResult, i: number): string {
  return `<section id="profile-${i}">
<div class="heading"><h2>${escapeHtml(result.profile)}</h2> ${verdict(result.verdict)}</div>
<p>${escapeHtml(result.question)}</p>
<p class="muted">${escapeHtml(`${loadText(result)} after ${result.load.warmupSeconds} s of warm-up, seed ${result.seed}, started ${result.startedAt}`)}</p>
${result.taints.map((taint) => `<p class="notice">${escapeHtml(taint)}</p>`).join('\n')}
<div class="tables">
${gateTable(result.gates)}
${latencyTable(result)}
${countsTable(result)}
</div>
<div class="plots" id="plots-${i}"></div>
</section>`;
}

function gateTable(gates: readonly GateOutcome[]): string {
  if (gates.length === 0) return '<p class="notice">No gate was evaluated.</p>';
  const rows = gates.map((gate) =>
    [
      cell('td', gate.gate),
      cell('td', gateValue(gate), 'number'),
      cell('td', gateLimits(gate)),
      verdictCell(gate.verdict),
    ].join(''),
  );
  const head = [cell('th', 'gate'), cell('th', 'value', 'number'), cell('th', 'limit'), cell('th', '')];
  return table('Gates', head.join(''), rows);
}

function latencyTable({ latency, load }: RunResult): string {
  const from = load.kind === 'open' ? 'from when each request was due' : 'from when each request was sent';
  const rows = [['mean', 'meanUs'] as const, ...PERCENTILES].map(
    ([label, field]) => cell('td', label) + cell('td', duration(latency[field]), 'number'),
  );
  return table(`Latency, ${from}`, '', rows);
}

function countsTable(result: RunResult): string {
  const { requests, generator } = result;
  const statuses = Object.entries(requests.byStatus).map(
    ([status, n]) => [`answered ${status}`, count(n)] as const,
  );
  const rows: (readonly [string, string])[] = [
    ['answers/s', count(result.throughputPerSecond)],
    ['sent', count(requests.sent)],
    ['completed', count(requests.completed)],
    ...statuses,
    ['broken connections', count(requests.errors)],
    ['timed out', count(requests.timeouts)],
    ['errors', percent(errorShare(result))],
    ['hits', percent(hitShare(result))],
    ['ceiling of the generator', `${count(generator.ceilingPerSecond)}/s`],
    ['CPU of the generator, share of a core', percent(generator.cpuShare)],
    ['sent late (p99)', duration(generator.lateP99Us)],
  ];
  return table(
    'Requests and generator',
    '',
    rows.map(([label, value]) => cell('td', label) + cell('td', value, 'number')),
  );
}

/** @param className `cards`: on a narrow screen each row is a card, and each cell has its label */
function table(caption: string, head: string, rows: readonly string[], className = ''): string {
  const parts = [
    caption === '' ? '' : `<caption>${escapeHtml(caption)}</caption>`,
    head === '' ? '' : `<thead><tr>${head}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${row}</tr>`).join('\n')}</tbody>`,
  ];
  return `<div class="scroll"><table${className === '' ? '' : ` class="${className}"`}>${parts.join('')}</table></div>`;
}

function cell(tag: 'td' | 'th', text: string, className = '', label = ''): string {
  const attributes = `${className === '' ? '' : ` class="${className}"`}${label === '' ? '' : ` data-label="${label}"`}`;
  return `<${tag}${attributes}>${escapeHtml(text)}</${tag}>`;
}

function verdictCell(of: Verdict): string {
  return `<td>${verdict(of)}</td>`;
}

function verdict(of: Verdict): string {
  return `<span class="verdict ${of}">${VERDICT_WORD[of]}</span>`;
}

/** The first screen of `docs/performance.md`: five absolute figures, and a small table next to other servers. */
import type { Section } from '../support/report.ts';
import type { Figure } from './figure.ts';
import { ratioOf } from './ratios.ts';
import type { RowResult } from './run-rows.ts';
import { figureText, ratioText } from './tables.ts';

/** Of the first contestant of each row, which is ours. */
const HEADLINES: readonly (readonly [what: string, row: string, figure: Figure, unit: string])[] = [
  ['GET, L1 hit, 64 connections', 'get', 'perSecond', 'requests/s'],
  ['GET, L1 hit, 16 requests pipelined', 'get-16', 'perSecond', 'requests/s'],
  ['GET, L2 hit, Redis on the same core', 'get-l2', 'perSecond', 'requests/s'],
  ['mget of 100 keys over WebSocket', 'ws-mget', 'perSecond', 'mgets/s'],
  ['SET in Redis to a subscribed WebSocket client', 'push', 'p50Us', 'µs, median'],
];

export function headlineSections(results: readonly RowResult[], machine: string): Section[] {
  const rowOf = (name: string) => results.find(({ row }) => row.name === name)!;
  const get = rowOf('get');
  const ours = get.contestants[0]!;
  return [
    {
      text: machine,
      table: {
        head: ['one core', 'figure', 'CPU µs each'],
        lines: HEADLINES.map(([what, row, figure, unit]) => {
          const [contestant] = rowOf(row).contestants;
          return [what, `**${figureText(contestant!, figure)}** ${unit}`, figureText(contestant!, 'cpuUs')];
        }),
      },
    },
    {
      text: 'The same GET from other servers, each on one core: values of 200 B, 64 connections, unpipelined.',
      table: {
        head: ['', 'requests/s', 'CPU µs each', 'CPU : ratecache'],
        lines: get.contestants.map((each) => [
          each.title,
          figureText(each, 'perSecond'),
          figureText(each, 'cpuUs'),
          ratioText(ratioOf(each, ours, 'cpuUs')),
        ]),
      },
    },
  ];
}

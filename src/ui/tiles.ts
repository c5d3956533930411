/** The state of the service at a glance: what is wrong, and eight figures. */
import { sentence } from './bidi.ts';
import { element, setText, showItems } from './dom.ts';
import { count, duration, estimate, NONE, percent, perSecond } from './format.ts';
import { hitRates } from './model.ts';
import type { Health, Sample } from './types.ts';

type Level = 'pass' | 'warn' | 'fail';
interface Figure {
  readonly text: string;
  /** What the figure is compared with. */
  readonly note: string;
  readonly level: Level;
}

const WORDS: Readonly<Record<Level, string>> = { pass: '', warn: 'warning – ', fail: 'critical – ' };

/** @param lower whether lower values are worse */
function judged(value: number | null, [warn, fail]: readonly [number, number], lower = false): Level {
  if (value === null) return 'pass';
  const exceeds = (limit: number) => (lower ? value < limit : value > limit);
  return exceeds(fail) ? 'fail' : exceeds(warn) ? 'warn' : 'pass';
}

/** The thresholds are from the runbook. */
const TILES: readonly (readonly [name: string, of: (sample: Sample, health: Health) => Figure])[] = [
  [
    'Hit rate',
    (sample) => {
      const { all, l1 } = hitRates(sample);
      return { text: percent(all), note: `L1 ${percent(l1)}`, level: judged(all, [0.9, 0.8], true) };
    },
  ],
  [
    'Reads',
    ({ requests, seconds }) => ({
      text: perSecond(requests.get / seconds),
      note: `${perSecond(requests.errors / seconds)} failed`,
      level: requests.errors > 0 ? 'warn' : 'pass',
    }),
  ],
  [
    'Writes',
    ({ requests, seconds }) => ({
      text: perSecond((requests.set + requests.delete) / seconds),
      note: `${perSecond(requests.events / seconds)} events`,
      level: 'pass',
    }),
  ],
  ['Read p99', ({ latency }) => timed(latency.get.p99, latency.get.p50, [50, 100])],
  [
    'Redis p95',
    ({ latency }, { mode }) =>
      mode === 'standalone'
        ? { text: NONE, note: 'standalone', level: 'pass' }
        : timed(latency.redis.p95, latency.redis.p50, [20, 50]),
  ],
  [
    'Link lag p99',
    ({ latency, coherence }) => ({
      text: estimate(latency.lag.p99),
      note: coherence,
      level: coherence === 'blind' ? 'fail' : coherence === 'degraded' ? 'warn' : 'pass',
    }),
  ],
  [
    'Pending writes',
    ({ pending_writes }, health) => ({
      text: pending_writes === null ? NONE : count(pending_writes),
      note: oldest(health.pending_writes?.oldest_age_ms),
      level: judged(pending_writes, [0, 1000]),
    }),
  ],
  [
    'Event-loop delay',
    ({ loop_delay_ms, memory }) => ({
      text: duration(loop_delay_ms),
      note: `${count(memory.resident / 2 ** 20)} MiB resident`,
      level: judged(loop_delay_ms, [50, 100]),
    }),
  ],
];

function timed(ms: number | null, median: number | null, limits: readonly [number, number]): Figure {
  return { text: estimate(ms), note: `p50 ${estimate(median)}`, level: judged(ms, limits) };
}

function oldest(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? 'none waits' : `oldest ${duration(ms)}`;
}

export class Tiles {
  readonly #places = TILES.map(([name]) => {
    const value = element('dd', { class: 'value' }, NONE);
    const note = element('dd', { class: 'note' }, 'no sample yet');
    return {
      box: element('div', { class: 'panel tile' }, element('dt', {}, name), value, note),
      value,
      note,
    };
  });

  constructor(place: HTMLElement) {
    place.append(...this.#places.map(({ box }) => box));
  }

  show(sample: Sample | undefined, health: Health): void {
    if (sample === undefined) return;
    for (const [i, [, of]] of TILES.entries()) {
      const { text, note, level } = of(sample, health);
      const place = this.#places[i]!;
      place.box.className = `panel tile ${level}`;
      setText(place.value, text);
      setText(place.note, WORDS[level] + note);
    }
  }
}

/** Shows why the service is not healthy, and which faults outside of it affect its values. */
export function showReasons(
  place: HTMLElement,
  { status, reasons, warnings = [] }: Pick<Health, 'status' | 'reasons'> & Partial<Pick<Health, 'warnings'>>,
): void {
  const known = [...reasons, ...warnings];
  const lines = known.length > 0 ? known : ['No fault is known.'];
  place.className = status === 'unhealthy' ? 'fail' : known.length > 0 ? 'warn' : 'pass';
  showItems(
    place,
    lines,
    () => element('li'),
    (item, line) => setText(item, sentence(line)),
  );
}

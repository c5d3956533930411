/** The tables of record: the targets, what an entry takes, and for how long the event loop was held up. */
import { SEMI_SPACE_MIB } from '../../scripts/build/executable.ts';
import type { Encoding } from '../../src/cache/entry.ts';
import { percent } from '../../src/format.ts';
import { type Cells, verdict } from '../support/cells.ts';
import { type Bytes, type Life, longestOf, type Origin, type Report } from './figures.ts';

const MOST_BYTES = 250;
const MOST_MS = 10;

const VALUE: Readonly<Record<Encoding, string>> = { json: 'JSON', msgpack: 'msgpack' };
const COMES: Readonly<Record<Origin, string>> = {
  read: 'read from Redis',
  written: 'written, with Redis',
  standalone: 'written, standalone',
};

export function targetCells({ bytes, lives }: Report): Cells {
  return {
    head: ['what', 'target', 'measured', ''],
    lines: [
      ...lives.filter(isShipped).map(({ encoding, phases }) => {
        const { name, longestMs } = longestOf(phases);
        const measured = `${longestMs.toFixed(1)} ms, ${name}`;
        return [
          `longest pause, ${VALUE[encoding]}`,
          `<= ${MOST_MS} ms`,
          measured,
          verdict(longestMs <= MOST_MS),
        ];
      }),
      ...bytes.map(({ origin, encoding, beside }) => [
        `an entry beside key and value, ${VALUE[encoding]}, ${COMES[origin]}`,
        `<= ${MOST_BYTES} bytes`,
        whole(beside),
        verdict(beside <= MOST_BYTES),
      ]),
    ],
  };
}

export function bytesCells(all: readonly Bytes[]): Cells {
  return {
    head: ['bytes an entry', 'key and value', 'beside', 'with header lines', 'after a sweep', 'resident'],
    lines: all.map(({ origin, encoding, own, beside, answered, swept, resident }) => [
      `${VALUE[encoding]}, ${COMES[origin]}`,
      ...[own, beside, answered, swept, resident].map(whole),
    ]),
  };
}

/** The phases of the lives in what ships. */
export function phaseCells(lives: readonly Life[]): Cells {
  return {
    head: ['', 'seconds', 'longest ms', 'minor GC ms', 'major GC ms', 'collecting'],
    lines: lives
      .filter(isShipped)
      .flatMap(({ encoding, phases }) =>
        phases.map(({ name, seconds, longestMs, minorMs, majorMs, collecting }) => [
          `${VALUE[encoding]}, ${name}`,
          seconds.toFixed(2),
          ...[longestMs, minorMs, majorMs].map((ms) => ms.toFixed(1)),
          percent(collecting),
        ]),
      ),
  };
}

/** The longest pause of each phase, by the size of the young generation. */
export function sizeCells(lives: readonly Life[]): Cells {
  const compared = lives.filter(({ encoding }) => encoding === 'json');
  return {
    head: ['half of the young generation', ...(compared[0]?.phases.map(({ name }) => name) ?? [])],
    lines: compared.map((life) => [
      `${life.semiSpace} MiB${isShipped(life) ? ', as it ships' : ''}`,
      ...life.phases.map(({ longestMs }) => longestMs.toFixed(1)),
    ]),
  };
}

function isShipped({ semiSpace }: Life): boolean {
  return semiSpace === SEMI_SPACE_MIB;
}

function whole(bytes: number): string {
  return bytes.toFixed(0);
}

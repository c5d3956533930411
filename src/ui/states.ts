/** The coherence of each Redis server over 15 minutes, as a strip and in words. */
import { named } from './bidi.ts';
import { element, setText, showItems } from './dom.ts';
import { duration, timeOfDay } from './format.ts';
import { type Span, spansOf } from './model.ts';
import type { Sample } from './types.ts';

const SPAN_MS = 900_000;
const SVG = 'http://www.w3.org/2000/svg';

export class States {
  readonly #list = element('ul', { class: 'strips' });

  constructor(place: HTMLElement) {
    const legend = ['coherent', 'degraded', 'blind', 'off'].map((state) =>
      element('span', {}, element('i', { class: `swatch block ${state}` }), state),
    );
    place.append(
      element('h3', {}, 'Coherence of this service over 15 minutes'),
      this.#list,
      element('p', { class: 'legend', 'aria-hidden': 'true' }, ...legend),
    );
  }

  show(samples: readonly Sample[]): void {
    const now = samples.at(-1)?.at ?? Date.now();
    const names = [...new Set(samples.flatMap(({ servers }) => servers.map(({ name }) => name ?? 'Redis')))];
    const strips = names.map((name) => ({
      name,
      spans: spansOf(
        samples,
        ({ servers }) => servers.find((each) => (each.name ?? 'Redis') === name)?.coherence,
      ),
    }));
    if (strips.length === 0)
      strips.push({ name: 'L1 (standalone)', spans: spansOf(samples, ({ coherence }) => coherence) });
    showItems(this.#list, strips, createStrip, (item, { name, spans }) => showStrip(item, name, spans, now));
  }
}

function createStrip(): HTMLLIElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 900 10');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  return element(
    'li',
    {},
    element('span', { class: 'name' }),
    svg,
    element('span', { class: 'strips-note' }),
  );
}

function showStrip(item: HTMLLIElement, name: string, spans: readonly Span[], now: number): void {
  const [label, svg, note] = item.children as unknown as [HTMLElement, SVGElement, HTMLElement];
  setText(label, named(name));
  showItems(
    svg,
    spans,
    () => document.createElementNS(SVG, 'rect') as SVGRectElement,
    (rect, { state, from, to }) => {
      const x = Math.max(0, 900 - ((now - from) / SPAN_MS) * 900);
      rect.setAttribute('x', String(x));
      rect.setAttribute('width', String(Math.max(1, 900 - ((now - to) / SPAN_MS) * 900 - x)));
      rect.setAttribute('height', '10');
      rect.setAttribute('class', state);
    },
  );
  setText(note, words(spans, now));
}

function words(spans: readonly Span[], now: number): string {
  const last = spans.at(-1);
  if (last === undefined) return 'no sample yet';
  const since = `${last.state} for ${duration(now - last.from)}`;
  const before = spans
    .slice(0, -1)
    .filter(({ state }) => state !== 'coherent')
    .at(-1);
  return before === undefined
    ? since
    : `${since}; ${before.state} from ${timeOfDay(before.from)} to ${timeOfDay(before.to)}`;
}

/** Sources of data, and marks. A service without these endpoints has no such panels. */
import { get, Refused } from './api.ts';
import { element, row, setText, showItems, table } from './dom.ts';
import { visible } from './format.ts';

type Item = Readonly<Record<string, unknown>>;

/** A panel that lists the objects of one endpoint. It is hidden while the endpoint is absent or forbidden. */
class Listing {
  readonly #path: string;
  readonly #member: string;
  readonly #columns: readonly string[];
  readonly #place: HTMLElement;
  readonly #table;
  readonly #none: HTMLElement;
  #exists = true;

  constructor(place: HTMLElement, path: string, member: string, caption: string, columns: readonly string[]) {
    this.#place = place;
    this.#path = path;
    this.#member = member;
    this.#columns = columns;
    this.#table = table(caption, columns.map(heading));
    this.#none = element('p', { class: 'muted' }, 'None.');
    place.append(this.#table.box, this.#none);
  }

  async refresh(): Promise<void> {
    if (!this.#exists) return;
    let items: readonly Item[];
    try {
      const answer = await get<Readonly<Record<string, readonly Item[]>>>(this.#path);
      items = answer[this.#member] ?? [];
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.#exists = false;
      if (error instanceof Refused && error.status > 0) this.#place.hidden = true;
      return;
    }
    this.#place.hidden = false;
    this.#none.hidden = items.length > 0;
    showItems(
      this.#table.body,
      items,
      () => row(this.#columns),
      (target, item) => {
        for (const [i, name] of this.#columns.entries()) setText(target.cells[i]!, cellText(item[name]));
      },
    );
  }

  get exists(): boolean {
    return this.#exists && !this.#place.hidden;
  }
}

export class Quality {
  readonly #sources: Listing;
  readonly #marks: Listing;

  constructor(sources: HTMLElement, marks: HTMLElement) {
    const selection = ['types', 'prefixes'];
    const ofSources = ['name', 'state', 'heartbeat_at', 'dies_at', ...selection];
    const ofMarks = ['state', 'reason', 'keys', ...selection, 'ends_at'];
    this.#sources = new Listing(sources, '/v1/sources', 'sources', 'Sources', ofSources);
    this.#marks = new Listing(marks, '/v1/marks', 'marks', 'Marks', ofMarks);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#sources.refresh(), this.#marks.refresh()]);
  }

  get hasMarks(): boolean {
    return this.#marks.exists;
  }
}

function heading(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text[0]!.toUpperCase() + text.slice(1);
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return visible(Array.isArray(value) ? value.join(', ') : String(value));
}

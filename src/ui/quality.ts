/** Sources of data, and marks. An older service has no such endpoints: then the page has no such panels. */
import { dataOf, get, Refused, send } from './api.ts';
import { keyed, named } from './bidi.ts';
import { confirmed } from './dialog.ts';
import { announce, button, element, row, setAttribute, setText, showItems, table } from './dom.ts';
import { count, dateAndTime } from './format.ts';
import { Hold } from './hold.ts';
import { fillRow } from './replicas.ts';
import { type Client, type Mark, may, type Source } from './types.ts';

/** A button in each row that the client may press. */
interface Action<T> {
  readonly text: string;
  /** Distinguishes the button from the buttons of other rows, for screen readers. */
  readonly label: (item: T) => string;
  readonly allows: (item: T) => boolean;
  readonly press: (item: T) => void;
}

type Column<T> = readonly [heading: string, text: (item: T) => string];

/** A panel that lists the objects of one endpoint. It is hidden while ratecache does not know the endpoint, or forbids it. */
class Listing<T extends object> {
  readonly #name: string;
  readonly #columns: readonly Column<T>[];
  readonly #place: HTMLElement;
  readonly #table;
  readonly #hold: Hold;
  readonly #none: HTMLElement;
  readonly #action: Action<T> | undefined;
  readonly #items = new WeakMap<Element, T>();
  #latest: readonly T[] = [];
  #asked = 0;
  /** The latest request whose answer is shown: an earlier one does not replace it. */
  #shown = 0;

  /** @param name of the endpoint, and of the member of its answer. @param columns the second one is the state */
  constructor(place: HTMLElement, name: string, columns: readonly Column<T>[], action?: Action<T>) {
    this.#place = place;
    this.#name = name;
    this.#columns = columns;
    this.#action = action;
    const headings = [...columns.map(([heading]) => heading), ...(action === undefined ? [] : ['Change'])];
    this.#table = table(`${name[0]!.toUpperCase()}${name.slice(1)}`, headings, 'listing');
    this.#hold = new Hold(this.#table, () => this.#repaint());
    this.#none = element('p', { class: 'muted' }, 'None.');
    this.#table.box.append(this.#none);
    place.append(this.#table.box);
  }

  async refresh(): Promise<void> {
    const request = ++this.#asked;
    let latest: readonly T[] | undefined;
    try {
      latest = (await get<Readonly<Record<string, readonly T[]>>>(`/v1/${this.#name}`))[this.#name] ?? [];
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Others than ratecache may answer too, such as a proxy. Then the latest items stay.
      if (error.code !== 'not_found' && !error.isOfToken) return;
    }
    if (request < this.#shown) return;
    this.#shown = request;
    this.#place.hidden = latest === undefined;
    this.#latest = latest ?? [];
    this.#repaint();
  }

  #repaint(): void {
    if (this.#hold.on) return;
    this.#none.hidden = this.#latest.length > 0;
    showItems(
      this.#table.body,
      this.#latest,
      () => this.#create(),
      (target, item) => this.#fill(target, item),
    );
  }

  get exists(): boolean {
    return !this.#place.hidden;
  }

  get items(): readonly T[] {
    return this.#latest;
  }

  #create(): HTMLTableRowElement {
    const made = row(this.#columns.map(([heading]) => heading));
    const action = this.#action;
    if (action !== undefined) {
      const press = button(action.text, () => action.press(this.#items.get(press)!));
      made.append(element('td', {}, press));
    }
    return made;
  }

  #fill(target: HTMLTableRowElement, item: T): void {
    fillRow(
      target,
      this.#columns.map(([, textOf]) => textOf(item)),
      1,
    );
    if (this.#action === undefined) return;
    const press = target.lastElementChild!.firstElementChild as HTMLButtonElement;
    this.#items.set(press, item);
    press.hidden = !this.#action.allows(item);
    setAttribute(press, 'aria-label', `${this.#action.text} ${this.#action.label(item)}`);
  }
}

export class Quality {
  readonly #sources: Listing<Source>;
  readonly #marks: Listing<Mark>;
  readonly #place: HTMLElement;
  readonly #fault = element('p', { class: 'fail', role: 'alert' });
  readonly #changed: () => void;
  #client: Client | null = null;
  /** The id of the mark that the page could not remove. */
  #failed: string | undefined;

  /** @param changed called after a mark was removed */
  constructor(sources: HTMLElement, marks: HTMLElement, changed: () => void) {
    this.#place = marks;
    this.#changed = changed;
    this.#sources = new Listing<Source>(sources, 'sources', [
      ['Name', ({ name }) => named(name)],
      ['State', ({ state }) => state],
      ['Covers', coverageOf],
      ['Last heartbeat', ({ heartbeat_at }) => dateAndTime(heartbeat_at)],
      ['Dead from', ({ dies_at }) => dateAndTime(dies_at)],
    ]);
    const columns: readonly Column<Mark>[] = [
      ['Covers', coverageOf],
      ['State', ({ state }) => state],
      ['Reason', ({ reason }) => named(reason)],
      ['Ends', ({ ends_at }) => dateAndTime(ends_at)],
    ];
    this.#marks = new Listing<Mark>(marks, 'marks', columns, {
      text: 'Remove…',
      label: coverageOf,
      allows: (mark) => may(this.#client, scopeOf(mark)),
      press: (mark) => void this.#askRemove(mark),
    });
    marks.append(this.#fault);
  }

  async refresh(client: Client | null = this.#client): Promise<void> {
    this.#client = client;
    await Promise.all([this.#sources.refresh(), this.#marks.refresh()]);
    if (!this.#marks.items.some(({ id }) => id === this.#failed)) this.#showFault('');
  }

  get hasMarks(): boolean {
    return this.#marks.exists;
  }

  async #askRemove(mark: Mark): Promise<void> {
    const { state, reason, id } = mark;
    const question = {
      title: 'Remove this mark?',
      text: `${coverageOf(mark)}: ${state}, ${named(reason)}. Without another mark, readers receive the values as before.`,
      action: 'Remove the mark',
    };
    if (!(await confirmed(question))) return;
    this.#showFault('');
    try {
      const answer = await send('DELETE', `/v1/marks/${encodeURIComponent(id)}`);
      const { removed } = dataOf<{ removed: number }>(answer);
      announce(removed === 0 ? 'The mark had ended already.' : 'The mark was removed.');
      await this.refresh();
      this.#changed();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#showFault(`The mark of ${coverageOf(mark)} was not removed: ${error.message}`, id);
    }
    this.#place.focus();
  }

  /** @param failed the id of the mark that could not be removed */
  #showFault(text: string, failed?: string): void {
    this.#failed = failed;
    setText(this.#fault, text);
  }
}

/** A client that names keys knows them. Types and prefixes reach keys that the client does not know. */
function scopeOf({ types, prefixes }: Mark): string {
  return types.length + prefixes.length === 0 ? 'write' : 'admin';
}

type Coverage = Pick<Source, 'types' | 'prefixes'> & Partial<Pick<Mark, 'keys'>>;

const MOST_NAMES = 5;

/** The keys that a mark or a source covers. */
function coverageOf({ keys = [], types, prefixes }: Coverage): string {
  const names = [
    ...keys.map(keyed),
    ...types.map((type) => `every ${type}`),
    ...prefixes.map((prefix) => `every key that begins with ${keyed(prefix)}`),
  ];
  const shown = names.slice(0, MOST_NAMES).join(', ');
  return names.length > MOST_NAMES ? `${shown} and ${count(names.length - MOST_NAMES)} more` : shown;
}

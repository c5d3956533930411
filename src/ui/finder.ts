/** Finds keys by a pattern. */
import { get, Refused } from './api.ts';
import { field } from './dialog.ts';
import { button, element, row, setText, showItems, table } from './dom.ts';
import { count, duration, NONE, visible } from './format.ts';
import { type Client, type KeyList, TYPES } from './types.ts';

const COLUMNS = ['Key', '#Remaining TTL'];
const PAGE = 100;

type Row = KeyList['keys'][number];

export class Finder {
  readonly #pattern = element('input', {
    type: 'text',
    list: 'patterns',
    spellcheck: 'false',
    required: true,
  });
  readonly #note = element(
    'p',
    { class: 'muted', role: 'status' },
    'A pattern is a glob: * is any text, ? is any character.',
  );
  readonly #table = table('Keys that were found', COLUMNS, 'tall');
  readonly #more = button('More keys', () => void this.#find(this.#cursor));
  readonly #open: (key: string) => void;
  readonly #keys = new WeakMap<Element, string>();
  #found = new Map<string, Row>();
  #cursor: string | null = null;

  constructor(place: HTMLElement, open: (key: string) => void) {
    this.#open = open;
    const suggestions = TYPES.filter((type) => type !== 'other').map((type) =>
      element('option', { value: `${type}:*` }),
    );
    const form = element(
      'form',
      { class: 'controls' },
      field('Pattern or key', this.#pattern),
      element('datalist', { id: 'patterns' }, ...suggestions),
      element('button', { type: 'submit' }, 'Find keys'),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#found = new Map();
      void this.#find(null);
      if (!/[*?[]/.test(this.#pattern.value)) this.#open(this.#pattern.value);
    });
    this.#more.hidden = true;
    place.append(form, this.#note, this.#table.box, this.#more);
  }

  /** Suggests the keys that the client may read. */
  suggest(client: Client | null): void {
    this.#pattern.value ||= `${client?.prefixes?.[0] ?? ''}*`;
  }

  async #find(cursor: string | null): Promise<void> {
    const query = new URLSearchParams({ pattern: this.#pattern.value, limit: String(PAGE) });
    if (cursor !== null) query.set('cursor', cursor);
    try {
      const list = await get<KeyList>(`/v1/keys?${query}`);
      for (const each of list.keys) this.#found.set(each.key, each);
      this.#cursor = list.cursor;
      const more = list.cursor === null ? '' : ' There are more.';
      setText(this.#note, `${count(this.#found.size)} keys.${more}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#cursor = null;
      setText(this.#note, error.message);
    }
    this.#more.hidden = this.#cursor === null;
    showItems(
      this.#table.body,
      [...this.#found.values()],
      () => this.#create(),
      (target, { key, ttl }) => {
        const link = target.cells[0]!.firstElementChild!;
        this.#keys.set(link, key);
        setText(link, visible(key));
        setText(target.cells[1]!, ttl === null ? NONE : duration(ttl * 1000));
      },
    );
  }

  #create(): HTMLTableRowElement {
    const made = row(COLUMNS);
    const link = button('', () => this.#open(this.#keys.get(link)!), { class: 'link' });
    made.cells[0]!.append(link);
    return made;
  }
}

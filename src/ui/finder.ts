/** Finds keys by a pattern. */
import { get, Refused } from './api.ts';
import { keyed } from './bidi.ts';
import { field } from './dialog.ts';
import { button, element, row, setText, showItems, table } from './dom.ts';
import { count, duration, NONE } from './format.ts';
import { type Client, type KeyList, TYPES } from './types.ts';

const COLUMNS = ['Key', '#Remaining TTL'];
/** Keys that one request asks Redis to scan. */
const PAGE = 1000;
/** A search ends when it has found so many more keys, or after so many requests. */
const ENOUGH = 100;
const MOST_REQUESTS = 20;
const MORE = ' There may be more.';

interface Search {
  readonly pattern: string;
  readonly found: Map<string, KeyList['keys'][number]>;
  /** Where the next page begins; null at the end, and before the first page. */
  cursor: string | null;
  asking: boolean;
}

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
  readonly #more = button('More keys', () => void this.#find(this.#search));
  readonly #open: (key: string) => void;
  readonly #keys = new WeakMap<Element, string>();
  /** The search whose keys are shown. Answers of earlier ones are ignored. */
  #search: Search = newSearch('');
  #suggested = false;

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
      this.#search = newSearch(this.#pattern.value);
      // Later answers add rows below, so no row changes its key under the focus.
      this.#show(this.#search, 'Searching.');
      void this.#find(this.#search);
      if (!/[*?[]/.test(this.#pattern.value)) this.#open(this.#pattern.value);
    });
    this.#more.hidden = true;
    place.append(form, this.#note, this.#table.box, this.#more);
  }

  /** Suggests the keys that the client may read: once, because a field that is empty later is being edited. */
  suggest(client: Client | null): void {
    if (this.#suggested) return;
    this.#suggested = true;
    this.#pattern.value ||= `${client?.prefixes?.[0] ?? ''}*`;
  }

  /** Asks for the next keys. A page may be empty although more keys match, because it is what one scan of Redis found. */
  async #find(search: Search): Promise<void> {
    if (search.asking) return;
    search.asking = true;
    const { found } = search;
    const enough = found.size + ENOUGH;
    let fault: string | undefined;
    try {
      let requests = 0;
      do {
        await this.#ask(search);
        this.#show(search, `${count(found.size)} keys so far.`);
      } while (
        search === this.#search &&
        search.cursor !== null &&
        found.size < enough &&
        ++requests < MOST_REQUESTS
      );
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fault = error.message;
    } finally {
      search.asking = false;
    }
    this.#show(search, fault ?? `${count(found.size)} keys.${search.cursor === null ? '' : MORE}`);
  }

  async #ask(search: Search): Promise<void> {
    const query = new URLSearchParams({ pattern: search.pattern, limit: String(PAGE) });
    if (search.cursor !== null) query.set('cursor', search.cursor);
    const { keys, cursor } = await get<KeyList>(`/v1/keys?${query}`);
    for (const each of keys) search.found.set(each.key, each);
    search.cursor = cursor;
  }

  #show(search: Search, note: string): void {
    if (search !== this.#search) return;
    const { found, cursor } = search;
    setText(this.#note, note);
    this.#more.hidden = cursor === null;
    showItems(
      this.#table.body,
      [...found.values()],
      () => this.#create(),
      (target, { key, ttl }) => {
        const link = target.cells[0]!.firstElementChild!;
        this.#keys.set(link, key);
        setText(link, keyed(key));
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

function newSearch(pattern: string): Search {
  return { pattern, found: new Map(), cursor: null, asking: false };
}

/** The keys with the most reads, and the keys with the most misses. */
import { keyed } from './bidi.ts';
import { button, element, row, setText, showItems, table } from './dom.ts';
import { perSecond } from './format.ts';
import { Hold } from './hold.ts';
import type { HotKey, HotKeysAnswer } from './types.ts';

const COLUMNS = ['Key', '#Rate'];

export class HotKeys {
  readonly #reads: KeyTable;
  readonly #misses: KeyTable;

  constructor(hottest: HTMLElement, missed: HTMLElement, open: (key: string) => void) {
    this.#reads = new KeyTable(hottest, 'Most read', 'No read was counted in the last two minutes.', open);
    this.#misses = new KeyTable(missed, 'Most missed', 'No read missed in the last two minutes.', open);
  }

  show({ reads, misses }: HotKeysAnswer): void {
    this.#reads.show(reads);
    this.#misses.show(misses);
  }
}

class KeyTable {
  readonly #table;
  readonly #hold: Hold;
  readonly #none: HTMLElement;
  readonly #open: (key: string) => void;
  readonly #keys = new WeakMap<Element, string>();
  #latest: readonly HotKey[] = [];

  constructor(place: HTMLElement, caption: string, none: string, open: (key: string) => void) {
    this.#table = table(caption, COLUMNS, 'tall');
    this.#hold = new Hold(this.#table, () => this.#repaint());
    this.#none = element('p', { class: 'muted' }, none);
    this.#open = open;
    this.#table.box.append(this.#none);
    place.append(this.#table.box);
  }

  show(keys: readonly HotKey[]): void {
    this.#latest = keys;
    this.#repaint();
  }

  #repaint(): void {
    if (this.#hold.on) return;
    this.#none.hidden = this.#latest.length > 0;
    showItems(
      this.#table.body,
      this.#latest,
      () => this.#create(),
      (target, { key, per_second }) => {
        const link = target.cells[0]!.firstElementChild!;
        this.#keys.set(link, key);
        setText(link, keyed(key));
        setText(target.cells[1]!, perSecond(per_second));
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

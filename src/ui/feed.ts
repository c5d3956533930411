/** The live feed of changes, with a filter. */
import { keyed } from './bidi.ts';
import { field, select } from './dialog.ts';
import { button, element, row, setText, showItems, table } from './dom.ts';
import { count, perSecond, timeOfDay } from './format.ts';
import { Hold } from './hold.ts';
import { matches } from './match.ts';
import type { Change } from './socket.ts';

const COLUMNS = ['Time', 'Change', 'Key', 'Value, of the open key'];
/** Changes that are kept and that are shown. */
const MOST_KEPT = 1000;
const MOST_SHOWN = 100;
const REPAINT_MS = 250;
const RATE_MS = 5000;
const REASONS = {
  '': 'every reason',
  set: 'set',
  delete: 'delete',
  expire: 'expire',
  remote: 'remote',
  input: 'input',
  flush: 'flush',
  evict: 'evict',
  quality: 'quality',
};

export class Feed {
  readonly #filter = element('input', {
    type: 'text',
    placeholder: 'AAPL or borrow_rate:*',
    spellcheck: 'false',
  });
  readonly #reason = select(REASONS);
  readonly #pause = button('Pause', () => this.#toggle(), { 'aria-pressed': 'false' });
  readonly #note = element('p', { class: 'muted' }, 'Connecting.');
  readonly #table = table('Latest changes, newest first', COLUMNS, 'tall feed');
  readonly #hold = new Hold(this.#table, () => this.#show());
  readonly #open: (key: string) => void;
  readonly #changes: Change[] = [];
  readonly #keys = new WeakMap<Element, string>();
  #shown: readonly Change[] = [];
  #paused = false;
  #repaint: number | undefined;
  #total = 0;
  #rateFrom = Date.now();
  #rateCount = 0;
  #rate = 0;

  constructor(place: HTMLElement, open: (key: string) => void) {
    this.#open = open;
    const form = element(
      'form',
      { class: 'controls' },
      field('Keys', this.#filter),
      field('Reason', this.#reason),
      this.#pause,
    );
    form.addEventListener('submit', (event) => event.preventDefault());
    for (const input of [this.#filter, this.#reason]) input.addEventListener('input', () => this.#show());
    place.append(form, this.#note, this.#table.box);
  }

  add(change: Change): void {
    this.#total++;
    this.#rateCount++;
    this.#changes.unshift(change);
    if (this.#changes.length > MOST_KEPT) this.#changes.pop();
    this.#repaint ??= setTimeout(() => this.#show(), REPAINT_MS) as unknown as number;
  }

  /** Shows the present rate, also while no change arrives. */
  tick(): void {
    if (this.#rate > 0 || this.#rateCount > 0) this.#show();
  }

  #toggle(): void {
    this.#paused = !this.#paused;
    this.#pause.setAttribute('aria-pressed', String(this.#paused));
    setText(this.#pause, this.#paused ? 'Continue' : 'Pause');
    if (!this.#paused) this.#show();
  }

  #show(): void {
    clearTimeout(this.#repaint);
    this.#repaint = undefined;
    if (!this.#paused && !this.#hold.on) this.#shown = [...this.#changes];
    const filter = this.#filter.value.trim();
    const reason = this.#reason.value;
    const found = this.#shown.filter(
      (change) => matches(filter, change.target) && (reason === '' || change.reason === reason),
    );
    showItems(
      this.#table.body,
      found.slice(0, MOST_SHOWN),
      () => this.#create(),
      (target, change) => this.#fill(target, change),
    );
    this.#measure();
    const paused = this.#paused ? 'Paused. ' : '';
    setText(
      this.#note,
      `${paused}${count(this.#total)} changes since the page was opened, ${perSecond(this.#rate)}. ${count(found.length)} of the last ${count(this.#shown.length)} match.`,
    );
  }

  #measure(): void {
    const elapsed = Date.now() - this.#rateFrom;
    if (elapsed < RATE_MS && this.#rate > 0) return;
    this.#rate = this.#rateCount / Math.max(1, elapsed / 1000);
    this.#rateFrom = Date.now();
    this.#rateCount = 0;
  }

  #create(): HTMLTableRowElement {
    const made = row(COLUMNS);
    const link = button('', () => this.#open(this.#keys.get(link)!), { class: 'link' });
    made.cells[2]!.append(link);
    return made;
  }

  #fill(target: HTMLTableRowElement, change: Change): void {
    const [time, what, name, detail] = target.cells as unknown as HTMLTableCellElement[];
    const link = name!.firstElementChild as HTMLButtonElement;
    setText(time!, timeOfDay(change.at));
    setText(what!, changeText(change));
    setText(link, keyed(change.target));
    link.disabled = change.key === undefined;
    if (change.key !== undefined) this.#keys.set(link, change.key);
    setText(detail!, change.detail);
  }
}

/** What happened: `set`, `delete`, `reset (rearmed)`. */
export function changeText({ kind, reason, merged }: Change): string {
  const states = merged === undefined ? '' : `, ${merged} earlier states`;
  if (kind === 'update' || kind === 'invalidate') return reason + states;
  return reason === '' ? kind : `${kind} (${reason})`;
}

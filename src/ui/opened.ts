/** One key: in both tiers of every replica, its value as a tree, and its changes while the page is open. */
import { get, Refused, request, send } from './api.ts';
import { confirmed, field, select } from './dialog.ts';
import { announce, button, element, row, setText, showItems, table } from './dom.ts';
import { changeText } from './feed.ts';
import { count, dateAndTime, fromNow, NONE, timeOfDay, visible } from './format.ts';
import { parse } from './json.ts';
import { fillRow, othersText } from './replicas.ts';
import type { Change } from './socket.ts';
import { tree } from './tree.ts';
import { type Client, type Explanation, type Facts, may } from './types.ts';

const TIERS = ['Tier', 'State', 'Stored', 'Expires', 'Version'];
const CHANGES = ['Time', 'Change', 'Value or version'];
const MOST_CHANGES = 50;
/** Several changes in this time cause one request. */
const SETTLE_MS = 400;
const DEFAULT_MARK_SECONDS = '3600';

/** What readers receive of a key that is not good. */
const READERS: Readonly<Record<string, string>> = {
  suspect: 'Readers receive the value with a sign.',
  halted: 'Readers get 503 unless they ask for the value. This page asks for it.',
};

/** The value that is shown. */
interface Tree {
  readonly text: string;
  /** The paths of the members that are open. */
  readonly open: Set<string>;
}

export interface Rights {
  readonly client: Client | null;
  /** Whether the service has marks. */
  readonly marks: boolean;
}

export class Opened {
  readonly #title = element('h3', {}, 'No key is open');
  readonly #summary = element('p', {}, 'Choose a key from a list, or find one by a pattern.');
  readonly #tiers = table('The key in each tier', TIERS);
  readonly #others = element('p', { class: 'muted' });
  readonly #quality = element('p', { class: 'quality', role: 'status' });
  readonly #value = element('div', {
    class: 'scroll value-box',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Value',
  });
  readonly #changesTable = table('Changes, newest first', CHANGES, 'short');
  readonly #fault = element('p', { class: 'fail', role: 'alert' });
  readonly #refresh = button('Refresh', () => void this.refresh());
  readonly #delete = button('Delete…', () => void this.#askDelete(), { class: 'danger', hidden: true });
  readonly #mark = button('Mark…', () => void this.#askMark(), { hidden: true });
  readonly #details: HTMLElement;
  readonly #place: HTMLElement;
  readonly #marked: () => void;
  #key: string | undefined;
  #loads = 0;
  /** The latest request whose answer is shown: an earlier one does not replace it. */
  #latest = 0;
  #shown: Tree | undefined;
  #changes: Change[] = [];
  #settling: number | undefined;

  /** @param marked called after the page has marked the key */
  constructor(place: HTMLElement, marked: () => void) {
    this.#place = place;
    this.#marked = marked;
    this.#details = element(
      'div',
      { hidden: true },
      element('div', { class: 'buttons' }, this.#refresh, this.#mark, this.#delete),
      this.#fault,
      this.#tiers.box,
      this.#others,
      element('h4', {}, 'Value'),
      this.#quality,
      this.#value,
      this.#changesTable.box,
    );
    place.append(this.#title, this.#summary, this.#details);
  }

  /** Shows the buttons of what the client may do. */
  allow({ client, marks }: Rights): void {
    this.#delete.hidden = !may(client, 'write');
    this.#mark.hidden = !marks || !may(client, 'write');
  }

  async open(key: string): Promise<void> {
    this.#key = key;
    this.#changes = [];
    this.#details.hidden = false;
    setText(this.#title, visible(key));
    setText(this.#summary, 'Loading.');
    setText(this.#quality, '');
    this.#shown = undefined;
    this.#value.replaceChildren();
    this.#showChanges();
    await this.refresh();
    this.#place.focus();
  }

  /** Receives each change of the feed. */
  changed(change: Change): void {
    if (this.#key === undefined) return;
    const { key, kind } = change;
    if (key === this.#key) {
      this.#changes.unshift(change);
      this.#changes.length = Math.min(this.#changes.length, MOST_CHANGES);
      this.#showChanges();
    } else if (kind !== 'connected' && kind !== 'reset') return;
    // Without a connection, the page may have missed changes of the key.
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      void this.refresh();
    }, SETTLE_MS) as unknown as number;
  }

  /** Asks for the key again. */
  async refresh(): Promise<void> {
    const key = this.#key;
    if (key === undefined) return;
    const load = ++this.#loads;
    const isNews = () => {
      if (key !== this.#key || load < this.#latest) return false;
      this.#latest = load;
      return true;
    };
    try {
      const [explanation] = await Promise.all([
        get<Explanation>(`/v1/explain/${encodeURIComponent(key)}`),
        this.#loadValue(key, isNews),
      ]);
      if (!isNews()) return;
      setText(this.#fault, '');
      setText(this.#summary, explanation.summary);
      this.#showQuality(explanation);
      this.#showTiers(explanation);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (isNews()) setText(this.#fault, error.message);
    }
  }

  /** An operator sees the value of a halted key too. */
  async #loadValue(key: string, isNews: () => boolean): Promise<void> {
    try {
      const { text } = await request(`/v1/cache/${encodeURIComponent(key)}?halted=serve`);
      if (isNews()) this.#showValue(text);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!isNews()) return;
      this.#shown = undefined;
      this.#value.replaceChildren(element('p', { class: 'muted' }, error.message));
    }
  }

  /** The same value stays as it is shown. Of another value, the same members are open. */
  #showValue(text: string): void {
    if (this.#shown?.text === text) return;
    const shown = tree(parse(text), this.#shown?.open);
    this.#shown = { text, open: shown.open };
    const { scrollTop } = this.#value;
    this.#value.replaceChildren(shown.box);
    this.#value.scrollTop = scrollTop;
  }

  #showQuality({ replicas, marks }: Explanation): void {
    const { state = 'good', reason = '' } = replicas[0]?.quality ?? {};
    const ends = marks.find((mark) => mark.state === state && mark.reason === reason)?.ends_at;
    const until = ends === undefined ? '' : ` The mark ends at ${dateAndTime(ends)}.`;
    this.#quality.className = `quality ${state}`;
    setText(
      this.#quality,
      state === 'good' ? '' : `This key is ${state}: ${visible(reason)}. ${READERS[state]}${until}`,
    );
  }

  #showTiers({ redis, replicas, others, at }: Explanation): void {
    const now = Date.parse(at);
    const tiers: (readonly [string, Facts, string])[] = [
      ...replicas.map(({ host, pid, l1, why }) => [`L1 of ${host}, ${pid}`, l1, why] as const),
      ['Redis', redis, redis.fault ?? ''],
    ];
    showItems(
      this.#tiers.body,
      tiers,
      () => row(TIERS),
      (target, [name, facts, why]) => {
        const { state, version, stored_at, expires_at } = facts;
        fillRow(target, [name, state, fromNow(stored_at, now), fromNow(expires_at, now), version ?? NONE], 1);
        target.title = why;
      },
    );
    const reasons = replicas.map(({ host, pid, why }) => `${host}, ${pid}: ${visible(why)}`).join(' ');
    setText(this.#others, `${reasons} ${othersText(others)}${originText(redis)}`);
  }

  #showChanges(): void {
    showItems(
      this.#changesTable.body,
      this.#changes,
      () => row(CHANGES),
      (target, change) => fillRow(target, [timeOfDay(change.at), changeText(change), change.detail]),
    );
  }

  async #askDelete(): Promise<void> {
    const key = this.#key!;
    const question = {
      title: 'Delete this key?',
      text: `${visible(key)} is deleted from Redis and from every replica. Readers get a miss until the key is written again.`,
      action: 'Delete the key',
    };
    if (await confirmed(question))
      await this.#change(`${visible(key)} was deleted.`, 'DELETE', `/v1/cache/${encodeURIComponent(key)}`);
  }

  async #askMark(): Promise<void> {
    const key = this.#key!;
    const state = select({ suspect: 'suspect: readers are warned', halted: 'halted: reads answer 503' });
    const reason = element('input', { type: 'text', required: true, maxlength: 200 });
    const ttl = element('input', { type: 'number', min: 1, value: DEFAULT_MARK_SECONDS, required: true });
    const question = {
      title: 'Mark this key?',
      text: `The mark of ${visible(key)} reaches every replica and every subscriber.`,
      action: 'Mark the key',
      fields: [field('State', state), field('Reason', reason), field('Seconds', ttl)],
    };
    if (!(await confirmed(question))) return;
    const mark = { keys: [key], state: state.value, reason: reason.value, ttl: Number(ttl.value) };
    await this.#change(`${visible(key)} was marked as ${state.value}.`, 'POST', '/v1/marks', mark);
    this.#marked();
  }

  async #change(done: string, method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
    try {
      const { status } = await send(method, path, body);
      const text = status === 202 ? `Accepted. Redis is unreachable, so the change is pending.` : done;
      announce(text);
      await this.refresh();
      setText(this.#summary, `${text} ${this.#summary.textContent}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(this.#fault, error.message);
    }
    this.#place.focus();
  }
}

function originText({ source, as_of, bytes, encoding }: Facts): string {
  const parts = [
    source && `source ${source}`,
    as_of && `data of ${as_of}`,
    bytes !== undefined && `${count(bytes)} bytes of ${encoding}`,
  ].filter(Boolean);
  return parts.length === 0 ? '' : ` Redis has ${parts.join(', ')}.`;
}

/** One key: in both tiers of every replica, its value as a tree, and its changes while the page is open. */
import { type Answer, get, Refused, request, send } from './api.ts';
import { keyed, named, sentence } from './bidi.ts';
import { confirmed, field, select } from './dialog.ts';
import { announce, button, element, row, setText, showItems, table } from './dom.ts';
import { changeText } from './feed.ts';
import { count, dateAndTime, fromNow, NONE, timeOfDay } from './format.ts';
import { parse } from './json.ts';
import { fillRow, othersText } from './replicas.ts';
import { Serial } from './serial.ts';
import type { Change } from './socket.ts';
import { tree } from './tree.ts';
import { type Client, type Explanation, type Facts, mayWrite } from './types.ts';

const TIERS = ['Tier', 'State', 'Stored', 'Expires', 'Version'];
const CHANGES = ['Time', 'Change', 'Value or version'];
const MOST_CHANGES = 50;
/** Several changes in this time cause one request. */
const SETTLE_MS = 400;
const DEFAULT_MARK_SECONDS = '3600';
/** A browser removes these segments from the path of a request, percent-encoded too. */
const DOT_SEGMENTS = ['.', '..'];

const NOT_UNDERSTOOD = 'This page cannot show the answer: ';

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
  /** The outcome of the latest deletion or mark. It names the key, because another key may be open meanwhile. */
  readonly #outcome = element('p');
  readonly #refresh = button('Refresh', () => this.refresh());
  readonly #delete = button('Delete…', () => void this.#askDelete(), { class: 'danger', hidden: true });
  readonly #mark = button('Mark…', () => void this.#askMark(), { hidden: true });
  readonly #details: HTMLElement;
  readonly #place: HTMLElement;
  readonly #marked: () => void;
  #key: string | undefined;
  #rights: Rights | undefined;
  /** Asks for the open key. */
  #loading: Serial | undefined;
  /** The key may have changed while the page was hidden. */
  #missed = false;
  #shown: Tree | undefined;
  /** Whether the tiers of the open key are shown. */
  #explained = false;
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
      this.#outcome,
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

  allow(rights: Rights): void {
    this.#rights = rights;
    this.#offer();
  }

  /** Shows the buttons of what the client may do with the open key. */
  #offer(): void {
    if (this.#key === undefined || this.#rights === undefined) return;
    const { client, marks } = this.#rights;
    this.#delete.hidden = !mayWrite(client, this.#key);
    this.#mark.hidden = this.#delete.hidden || !marks;
  }

  open(key: string): void {
    const unreachable = DOT_SEGMENTS.includes(key);
    const loading = new Serial(() => this.#load(key, () => this.#loading === loading));
    this.#key = unreachable ? undefined : key;
    this.#loading = unreachable ? undefined : loading;
    this.#changes = [];
    this.#details.hidden = unreachable;
    setText(this.#title, keyed(key));
    setText(
      this.#summary,
      unreachable
        ? `This page cannot show the keys . and .., because browsers remove them from addresses. Run: ratecache explain ${key}`
        : 'Loading.',
    );
    this.#clear();
    this.#offer();
    this.#showChanges();
    this.refresh();
    this.#place.focus();
  }

  /** Removes what the page shows of the key before. */
  #clear(): void {
    this.#explained = false;
    this.#shown = undefined;
    for (const text of [this.#outcome, this.#fault, this.#others, this.#quality]) setText(text, '');
    for (const list of [this.#tiers.body, this.#value]) list.replaceChildren();
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
      if (document.hidden) this.#missed = true;
      else this.refresh();
    }, SETTLE_MS) as unknown as number;
  }

  /** Asks for the key if it may have changed while the page was hidden. */
  wake(): void {
    if (this.#missed) this.refresh();
  }

  /** Asks for the key again. */
  refresh(): void {
    this.#missed = false;
    void this.#loading?.run();
  }

  /** @param isOpen whether the key is still open */
  async #load(key: string, isOpen: () => boolean): Promise<void> {
    const value = this.#loadValue(key, isOpen);
    await this.#loadTiers(key, isOpen);
    await value;
  }

  async #loadTiers(key: string, isOpen: () => boolean): Promise<void> {
    try {
      const explanation = await get<Explanation>(`/v1/explain/${encodeURIComponent(key)}`);
      if (!isOpen()) return;
      setText(this.#summary, sentence(explanation.summary));
      this.#showQuality(explanation);
      this.#showTiers(explanation);
      setText(this.#fault, '');
      this.#explained = true;
    } catch (error) {
      if (!isOpen()) return;
      setText(this.#fault, error instanceof Refused ? error.message : NOT_UNDERSTOOD + error);
      if (!this.#explained) setText(this.#summary, 'This key could not be explained.');
    }
  }

  /** An operator sees the value of a halted key too. */
  async #loadValue(key: string, isOpen: () => boolean): Promise<void> {
    try {
      const { text } = await request(`/v1/cache/${encodeURIComponent(key)}?halted=serve`);
      if (isOpen()) this.#showValue(text);
    } catch (error) {
      if (!isOpen()) return;
      this.#shown = undefined;
      this.#value.replaceChildren(element('p', { class: 'muted' }, whyNoValue(key, error)));
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
      state === 'good' ? '' : `This key is ${state}: ${named(reason)}. ${READERS[state]}${until}`,
    );
  }

  #showTiers({ redis, replicas, others, at }: Explanation): void {
    const now = Date.parse(at);
    const tiers: (readonly [string, Facts, string])[] = [
      ...replicas.map(({ host, pid, l1, why }) => [`L1 of ${named(host)}, ${pid}`, l1, why] as const),
      ['Redis', redis, redis.fault ?? ''],
    ];
    showItems(
      this.#tiers.body,
      tiers,
      () => row(TIERS),
      (target, [name, facts, why]) => {
        const { state, version, stored_at, expires_at } = facts;
        fillRow(target, [name, state, fromNow(stored_at, now), fromNow(expires_at, now), version ?? NONE], 1);
        target.title = sentence(why);
      },
    );
    const reasons = replicas
      .map(({ host, pid, why }) => `${named(host)}, ${pid}: ${sentence(why)}`)
      .join(' ');
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
      text: `${keyed(key)} is deleted from Redis and from every replica. Readers get a miss until the key is written again.`,
      action: 'Delete the key',
    };
    if (!(await confirmed(question))) return;
    const request = () => send('DELETE', `/v1/cache/${encodeURIComponent(key)}`);
    await this.#change(key, 'deleted', request);
  }

  async #askMark(): Promise<void> {
    const key = this.#key!;
    const state = select({ suspect: 'suspect: readers are warned', halted: 'halted: reads answer 503' });
    const reason = element('input', { type: 'text', dir: 'auto', required: true, maxlength: 200 });
    const ttl = element('input', { type: 'number', min: 1, value: DEFAULT_MARK_SECONDS, required: true });
    const question = {
      title: 'Mark this key?',
      text: `The mark of ${keyed(key)} reaches every replica and every subscriber.`,
      action: 'Mark the key',
      fields: [field('State', state), field('Reason', reason), field('Seconds', ttl)],
    };
    if (!(await confirmed(question))) return;
    const mark = { keys: [key], state: state.value, reason: reason.value, ttl: Number(ttl.value) };
    await this.#change(key, `marked as ${mark.state}`, () => send('POST', '/v1/marks', mark));
    this.#marked();
  }

  /** @param done what the request does to the key */
  async #change(key: string, done: string, request: () => Promise<Answer>): Promise<void> {
    setText(this.#outcome, '');
    let text: string;
    let level = 'pass';
    try {
      const { status } = await request();
      text =
        status === 202
          ? `${keyed(key)} will be ${done} when Redis is reachable. The change is lost if the service stops first.`
          : `${keyed(key)} was ${done}.`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, message } = error;
      const isUnknown = status === 0 || status >= 500;
      text = isUnknown
        ? `It is not known whether ${keyed(key)} was ${done}: ${message}`
        : `${keyed(key)} was not ${done}: ${message}`;
      level = 'fail';
    }
    this.#outcome.className = level;
    setText(this.#outcome, text);
    announce(text);
    if (key === this.#key) this.#place.focus();
    this.refresh();
  }
}

function whyNoValue(key: string, error: unknown): string {
  if (error instanceof Refused) return error.message;
  // Thousands of levels exceed the stack of the browser.
  const reason =
    error instanceof RangeError ? 'This value has too many levels for this page.' : NOT_UNDERSTOOD + error;
  return `${reason} Run: ratecache get ${keyed(key)}`;
}

function originText({ source, as_of, bytes, encoding }: Facts): string {
  const parts = [
    source && `source ${named(source)}`,
    as_of && `data of ${as_of}`,
    bytes !== undefined && `${count(bytes)} bytes of ${encoding}`,
  ].filter(Boolean);
  return parts.length === 0 ? '' : ` Redis has ${parts.join(', ')}.`;
}

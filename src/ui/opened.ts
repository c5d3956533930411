/** One key: in both tiers of every replica, its value as a tree, and its changes while the page is open. */
import { get, Refused, request, send } from './api.ts';
import { confirmed, field, select } from './dialog.ts';
import { announce, button, element, row, setText, showItems, table } from './dom.ts';
import { changeText, detailText } from './feed.ts';
import { count, fromNow, NONE, timeOfDay, visible } from './format.ts';
import { parse } from './json.ts';
import { fillRow, othersText } from './replicas.ts';
import type { Change } from './socket.ts';
import { tree } from './tree.ts';
import type { Client, ExplainedReplica, Explanation, Facts } from './types.ts';

const TIERS = ['Tier', 'State', 'Stored', 'Expires', 'Version'];
const CHANGES = ['Time', 'Change', 'Value or version'];
const MOST_CHANGES = 50;
/** Several changes in this time cause one request. */
const SETTLE_MS = 400;
const DEFAULT_MARK_SECONDS = '3600';

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
  readonly #value = element('div', {
    class: 'scroll value-box',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Value',
  });
  readonly #changesTable = table('Changes, newest first', CHANGES, 'short');
  readonly #fault = element('p', { class: 'fail', role: 'alert' });
  readonly #refresh = button('Refresh', () => void this.#load());
  readonly #delete = button('Delete…', () => void this.#askDelete(), { class: 'danger', hidden: true });
  readonly #mark = button('Mark…', () => void this.#askMark(), { hidden: true });
  readonly #details: HTMLElement;
  readonly #place: HTMLElement;
  #key: string | undefined;
  #changes: Change[] = [];
  #settling: number | undefined;

  constructor(place: HTMLElement) {
    this.#place = place;
    this.#details = element(
      'div',
      { hidden: true },
      element('div', { class: 'buttons' }, this.#refresh, this.#mark, this.#delete),
      this.#fault,
      this.#tiers.box,
      this.#others,
      element('h4', {}, 'Value'),
      this.#value,
      this.#changesTable.box,
    );
    place.append(this.#title, this.#summary, this.#details);
  }

  /** Shows the buttons of what the client may do. */
  allow({ client, marks }: Rights): void {
    const may = (scope: string) => client === null || client.scopes.includes(scope);
    this.#delete.hidden = !may('write');
    this.#mark.hidden = !marks || !may('write');
  }

  async open(key: string): Promise<void> {
    this.#key = key;
    this.#changes = [];
    this.#details.hidden = false;
    setText(this.#title, visible(key));
    setText(this.#summary, 'Loading.');
    this.#value.replaceChildren();
    this.#showChanges();
    await this.#load();
    this.#place.focus();
  }

  /** Receives each change of the feed. */
  changed(change: Change): void {
    if (this.#key === undefined || change.key !== this.#key) return;
    this.#changes.unshift(change);
    this.#changes.length = Math.min(this.#changes.length, MOST_CHANGES);
    this.#showChanges();
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      void this.#load();
    }, SETTLE_MS) as unknown as number;
  }

  async #load(): Promise<void> {
    const key = this.#key;
    if (key === undefined) return;
    const path = encodeURIComponent(key);
    try {
      const [explanation] = await Promise.all([
        get<Explanation>(`/v1/explain/${path}`),
        this.#loadValue(key),
      ]);
      if (this.#key !== key) return;
      setText(this.#fault, '');
      setText(this.#summary, explanation.summary);
      this.#showTiers(explanation);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.#key === key) setText(this.#fault, error.message);
    }
  }

  async #loadValue(key: string): Promise<void> {
    let shown: HTMLElement;
    try {
      const answer = await request(`/v1/cache/${encodeURIComponent(key)}`);
      shown = tree(parse(await answer.text()));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      shown = element('p', { class: 'muted' }, error.message);
    }
    if (this.#key === key) this.#value.replaceChildren(shown);
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
    const own = replicas.map(({ host, why, quality }) => `${host}: ${why}${qualityText(quality)}`).join(' ');
    setText(this.#others, `${own} ${othersText(others)}${originText(redis)}`);
  }

  #showChanges(): void {
    showItems(
      this.#changesTable.body,
      this.#changes,
      () => row(CHANGES),
      (target, change) => fillRow(target, [timeOfDay(change.at), changeText(change), detailText(change)]),
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
      await this.#change(`${key} was deleted.`, 'DELETE', `/v1/cache/${encodeURIComponent(key)}`);
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
    await this.#change(`${key} was marked as ${state.value}.`, 'POST', '/v1/marks', mark);
  }

  async #change(done: string, method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
    try {
      const { status } = await send(method, path, body);
      const text = status === 202 ? `Accepted. Redis is unreachable, so the change is pending.` : done;
      announce(text);
      await this.#load();
      setText(this.#summary, `${text} ${this.#summary.textContent}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(this.#fault, error.message);
    }
    this.#place.focus();
  }
}

function qualityText(quality: ExplainedReplica['quality']): string {
  if (quality === undefined || quality.state === 'good') return '';
  return ` The value is ${quality.state}${quality.reason === undefined ? '' : `: ${visible(quality.reason)}`}.`;
}

function originText({ source, as_of, bytes, encoding }: Facts): string {
  const parts = [
    source && `source ${source}`,
    as_of && `data of ${as_of}`,
    bytes !== undefined && `${count(bytes)} bytes of ${encoding}`,
  ].filter(Boolean);
  return parts.length === 0 ? '' : ` Redis has ${parts.join(', ')}.`;
}

/** The live page: asks the service every five seconds, and follows its changes. */
import { get, Refused } from './api.ts';
import { named } from './bidi.ts';
import { byId, setText } from './dom.ts';
import { Feed } from './feed.ts';
import { Finder } from './finder.ts';
import { timeOfDay } from './format.ts';
import { HotKeys } from './hot-keys.ts';
import { Model } from './model.ts';
import { Opened } from './opened.ts';
import { Plots } from './plots.ts';
import { Quality } from './quality.ts';
import { Replicas, Servers } from './replicas.ts';
import { Socket } from './socket.ts';
import { States } from './states.ts';
import { showReasons, Tiles } from './tiles.ts';
import { isToken, setToken, token } from './token.ts';
import type { Health, HistoryAnswer, HotKeysAnswer, ReplicasAnswer } from './types.ts';

const POLL_MS = 5000;
/** The title of a hidden page still says whether the service is healthy. */
const HIDDEN_POLL_MS = 30_000;
const NO_TOKEN =
  'This is not a token. A token contains only the letters A to Z and a to z, digits, and the characters . _ ~ + / - =. Copy it again.';

const model = new Model();
const socket = new Socket();
const open = (key: string) => {
  history.replaceState(null, '', `#key=${encodeURIComponent(key)}`);
  socket.watch(key);
  opened.open(key);
};
const tiles = new Tiles(byId('tiles'));
const plots = new Plots(byId('plots'));
const states = new States(byId('states'));
const replicas = new Replicas(byId('replica-table'));
const servers = new Servers(byId('server-table'));
const quality = new Quality(byId('sources'), byId('marks'), () => opened.refresh());
const hotKeys = new HotKeys(byId('hottest'), byId('most-missed'), open);
const finder = new Finder(byId('finder'), open);
const opened = new Opened(byId('opened'), () => void quality.refresh());
const feed = new Feed(byId('feed'), open);
socket.listen((change) => {
  feed.add(change);
  opened.changed(change);
});

let timer: number | undefined;
let polling = false;
let pollAgain = false;
/** The service refused the latest request because of its token. */
let refused = false;
/** The latest poll had a fault. It stays until a poll without one, so that the state does not change twice in each poll. */
let failed = false;

/** Asks the service, and again after a while unless a token is needed. */
async function poll(): Promise<void> {
  if (polling) {
    pollAgain = true;
    return;
  }
  polling = true;
  refused = false;
  clearTimeout(timer);
  socket.check();
  try {
    await refresh();
    failed = false;
    showHealth(model.answer!);
  } catch (error) {
    failed = true;
    refused = error instanceof Refused && error.isOfToken;
    if (!(error instanceof Refused)) showPageFault(error);
    else if (refused) signIn(error);
    else showFault(error.status > 0 ? 'refused' : 'unreachable', error.message);
  } finally {
    polling = false;
    if (pollAgain) {
      pollAgain = false;
      void poll();
    } else if (!refused)
      timer = setTimeout(() => void poll(), document.hidden ? HIDDEN_POLL_MS : POLL_MS) as unknown as number;
  }
}

/** The figures stay, so the page says how old they are. Before the first figures it shows the fault alone. */
function showFault(state: string, message: string): void {
  showState(state, 'unreachable');
  const figures = model.samples.length === 0 ? [] : [ageOfFigures()];
  showReasons(byId('reasons'), { status: 'unhealthy', reasons: [message, ...figures] });
  const fault = byId('fault');
  fault.hidden = !byId('page').hidden;
  setText(fault, `${message.replace(/\.$/, '')}. This page asks again every five seconds.`);
}

/** For an answer that the page does not understand, or a file of the page that is missing. */
function showPageFault(error: unknown): void {
  console.error(error);
  const reason = error instanceof Error ? error.message : String(error);
  showFault(
    'page fault',
    `This page cannot show all that the service answered. Load it again. The fault is: ${reason}`,
  );
}

function ageOfFigures(): string {
  const latest = model.samples.at(-1)?.at;
  return latest === undefined
    ? 'The service sends no figures.'
    : `The figures on this page are from ${timeOfDay(latest)}.`;
}

async function refresh(): Promise<void> {
  const after = model.after(Date.now());
  let answer = await get<HistoryAnswer>(`/v1/history?after=${after}`);
  if (!model.covers(answer, after)) answer = await get<HistoryAnswer>('/v1/history');
  model.add(answer, Date.now());
  showPage();
  const shown = model.answer!;
  const { health, client } = shown;
  if (!failed) showHealth(shown);
  finder.suggest(client);
  socket.open(client);
  const faults = faultsOf([
    () => tiles.show(model.samples.at(-1), health),
    () => plots.show(model.samples),
    () => states.show(model.samples),
    () => servers.show(health),
  ]);
  const [known, hot] = await Promise.all([
    get<ReplicasAnswer>('/v1/replicas'),
    get<HotKeysAnswer>('/v1/hot-keys'),
    quality.refresh(client),
  ]);
  opened.allow({ client, marks: quality.hasMarks });
  faults.push(...faultsOf([() => feed.tick(), () => replicas.show(known), () => hotKeys.show(hot)]));
  if (faults.length > 0) throw faults[0];
}

/** Shows each part of the page, also if another part fails. */
function faultsOf(parts: readonly (() => void)[]): unknown[] {
  return parts.flatMap((part) => {
    try {
      part();
      return [];
    } catch (error) {
      return [error];
    }
  });
}

function showHealth(answer: HistoryAnswer): void {
  const { health } = answer;
  showState(health.status, health.status, describe(answer));
  const old = model.isOld(Date.now()) ? [ageOfFigures()] : [];
  showReasons(byId('reasons'), { ...health, warnings: [...(health.warnings ?? []), ...old] });
}

function describe({ replica, client, health }: HistoryAnswer): string {
  const who = client === null ? '' : `, token of ${named(client.name)}`;
  const { processes } = health;
  const what = processes === undefined ? `process ${replica}` : `${processes.length} processes`;
  return `${what}, version ${health.version}${who}`;
}

/** @param level the colour of the state */
function showState(name: string, level: Health['status'] | 'unreachable', text = ''): void {
  const state = byId('state');
  state.className = `badge ${level}`;
  setText(state, name);
  setText(byId('process'), text);
  document.title = name === 'healthy' ? 'ratecache' : `${name} – ratecache`;
}

function showPage(): void {
  byId('sign-in').hidden = true;
  byId('fault').hidden = true;
  byId('forget').hidden = token() === '';
  const page = byId('page');
  if (!page.hidden) return;
  page.hidden = false;
  openFromAddress();
}

/**
 * Asks for a token. A page that was shown is loaded again, so that nothing remains of what the previous token could
 * read.
 */
function signIn({ status, message }: Refused): void {
  if (!byId('page').hidden) return location.reload();
  const given = token() !== '';
  byId('fault').hidden = true;
  byId('forget').hidden = !given;
  const form = byId('sign-in');
  if (form.hidden) {
    form.hidden = false;
    byId('token').focus();
  }
  setText(byId('sign-in-fault'), given || status === 403 ? message : '');
  showState('no access', 'unreachable');
}

function openFromAddress(): void {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key === undefined) return;
  try {
    open(decodeURIComponent(key));
  } catch {
    // The address is not percent-encoded as this page would do it.
    open(key);
  }
}

addEventListener('hashchange', openFromAddress);

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  socket.wake();
  opened.wake();
  if (!refused) void poll();
});

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>('token');
  const given = input.value.trim();
  input.value = '';
  if (!isToken(given)) {
    setText(byId('sign-in-fault'), NO_TOKEN);
    input.focus();
    return;
  }
  setText(byId('sign-in-fault'), '');
  setToken(given);
  void poll();
});

byId('forget').addEventListener('click', () => {
  setToken('');
  location.reload();
});

const theme = byId<HTMLSelectElement>('theme');
theme.value = document.documentElement.dataset.theme ?? 'system';
theme.addEventListener('change', () => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem('ratecache-theme', theme.value);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  plots.redraw();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.redraw());

void poll();

/** The live page: asks the service every five seconds, and follows its changes. */
import { get, Refused, setToken, token } from './api.ts';
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
import type { Health, HistoryAnswer, HotKeysAnswer, ReplicasAnswer } from './types.ts';

const POLL_MS = 5000;
/** The title of a hidden page still says whether the service is healthy. */
const HIDDEN_POLL_MS = 30_000;

const model = new Model();
const socket = new Socket();
const open = (key: string) => {
  history.replaceState(null, '', `#key=${encodeURIComponent(key)}`);
  socket.watch(key);
  void opened.open(key);
};
const tiles = new Tiles(byId('tiles'));
const plots = new Plots(byId('plots'));
const states = new States(byId('states'));
const replicas = new Replicas(byId('replica-table'));
const servers = new Servers(byId('server-table'));
const quality = new Quality(byId('sources'), byId('marks'), () => void opened.refresh());
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
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused = error.status === 401 || error.status === 403;
    if (refused) signIn(error);
    else showFault(error);
  } finally {
    polling = false;
    if (pollAgain) {
      pollAgain = false;
      void poll();
    } else if (!refused)
      timer = setTimeout(() => void poll(), document.hidden ? HIDDEN_POLL_MS : POLL_MS) as unknown as number;
  }
}

/** The figures stay, so the page says how old they are. */
function showFault({ status, message }: Refused): void {
  showState('unreachable', '');
  if (status > 0) setText(byId('state'), 'refused');
  const since = model.samples.at(-1)?.at;
  const figures = since === undefined ? [] : [`The figures on this page are from ${timeOfDay(since)}.`];
  showReasons(byId('reasons'), { status: 'unhealthy', reasons: [message, ...figures] });
}

async function refresh(): Promise<void> {
  const { after } = model;
  let answer = await get<HistoryAnswer>(`/v1/history?after=${after}`);
  if (after > 0 && !model.knows(answer.replica)) answer = await get<HistoryAnswer>('/v1/history');
  model.add(answer, Date.now());
  showPage();
  const shown = model.answer!;
  const { health, client } = shown;
  showState(health.status, describe(shown));
  showReasons(byId('reasons'), health);
  tiles.show(model.samples.at(-1), health);
  plots.show(model.samples);
  states.show(model.samples);
  servers.show(health);
  finder.suggest(client);
  socket.open(client);
  const [known, hot] = await Promise.all([
    get<ReplicasAnswer>('/v1/replicas'),
    get<HotKeysAnswer>('/v1/hot-keys'),
    quality.refresh(client),
  ]);
  feed.tick();
  replicas.show(known);
  hotKeys.show(hot);
  opened.allow({ client, marks: quality.hasMarks });
}

function describe({ replica, client, health }: HistoryAnswer): string {
  const who = client === null ? '' : `, token of ${client.name}`;
  const { processes } = health;
  const what = processes === undefined ? `process ${replica}` : `${processes.length} processes`;
  return `${what}, version ${health.version}${who}`;
}

function showState(status: Health['status'] | 'unreachable', text: string): void {
  const state = byId('state');
  state.className = `badge ${status}`;
  setText(state, status);
  setText(byId('process'), text);
  document.title = status === 'healthy' ? 'ratecache' : `${status} – ratecache`;
}

function showPage(): void {
  byId('sign-in').hidden = true;
  byId('forget').hidden = token() === '';
  const page = byId('page');
  if (!page.hidden) return;
  page.hidden = false;
  openFromAddress();
}

/** Asks for a token. A page that was shown is loaded again, so that nothing remains of what the former token could read. */
function signIn({ status, message }: Refused): void {
  if (!byId('page').hidden) return location.reload();
  const given = token() !== '';
  byId('forget').hidden = !given;
  const form = byId('sign-in');
  if (form.hidden) {
    form.hidden = false;
    byId('token').focus();
  }
  setText(byId('sign-in-fault'), given || status === 403 ? message : '');
  showState('unreachable', '');
  setText(byId('state'), 'no access');
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
  if (!refused) void poll();
});

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>('token');
  setToken(input.value.trim());
  input.value = '';
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

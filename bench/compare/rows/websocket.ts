/** Requests over WebSocket, next to bare uWS, which answers each message with a constant frame of the same bytes. */
import { pack, unpack } from 'msgpackr';
import { bareUws, bareUwsCounting } from '../../peers/bare-uws.ts';
import { ratecache, ratecacheCounting } from '../../peers/ratecache.ts';
import { itemsOf, SMALL } from '../../support/data.ts';
import { drawn } from '../../support/zipf.ts';
import type { Load } from '../load.ts';
import { IN_FLIGHT, SOCKETS, type WebSocketOptions, webSocket } from '../loads/websocket.ts';
import { webSocketInstructions } from '../loads/websocket-instructions.ts';
import { by, cpuAtMost, type Row } from '../row.ts';

/** Requests before the sequence begins again. */
const GETS = 8192;
const MGETS = 512;
const KEYS = 100;

interface Protocol {
  readonly protocol: string;
  readonly encode: (request: object) => string | Buffer;
  readonly decode: (answer: Buffer) => unknown;
}

const JSON_TEXT: Protocol = {
  protocol: 'ratecache.v1.json',
  encode: (request) => JSON.stringify(request),
  decode: (answer) => JSON.parse(answer.toString()),
};
const MSGPACK: Protocol = { protocol: 'ratecache.v1.msgpack', encode: pack, decode: unpack };

export const wsGetJson = row('ws-get-json', 'get, JSON', gets(JSON_TEXT), 1.4);
export const wsGetMsgpack = row('ws-get-msgpack', 'get, msgpack', gets(MSGPACK), 1.4);
export const wsMget = row('ws-mget', `mget of ${KEYS}, msgpack`, mgets(MSGPACK), 3.5);
export const wsMgetIds = row('ws-mget-ids', `mget of ${KEYS} by ids, msgpack`, mgetsByIds(MSGPACK), 2);

/** Requests that V8 needs to compile everything, and requests that are counted: multiples of what is under way at once. */
const GETS_COUNTED = [60_000, 20_000] as const;
const MGETS_COUNTED = [20_000, 2000] as const;

export const wsInstructions: readonly Row[] = [
  counting('ws-get-instructions', 'get, msgpack', webSocketInstructions(gets(MSGPACK), ...GETS_COUNTED)),
  counting(
    'ws-mget-instructions',
    `mget of ${KEYS}, msgpack`,
    webSocketInstructions(mgets(MSGPACK), ...MGETS_COUNTED),
  ),
  counting(
    'ws-mget-ids-instructions',
    `mget of ${KEYS} by ids, msgpack`,
    webSocketInstructions(mgetsByIds(MSGPACK), ...MGETS_COUNTED),
  ),
];

function counting(name: string, what: string, load: Load): Row {
  return {
    name,
    title: `Instructions of a WebSocket ${what}`,
    about: 'Of the process, without the instructions of the kernel. Counted by callgrind.',
    contestants: [by(ratecacheCounting, load), by(bareUwsCounting, load)],
    reference: bareUws.name,
    figures: ['instructions'],
    rounds: 1,
  };
}

/** @param atMost of the CPU of bare uWS. The generator is the limit of its rate, so rates say less. */
function row(name: string, what: string, options: WebSocketOptions, atMost: number): Row {
  const load = webSocket(options);
  return {
    name,
    title: `WebSocket ${what}`,
    about: `${SOCKETS} sockets, ${IN_FLIGHT} requests under way on each. Figures are of messages.`,
    contestants: [by(ratecache, load), by(bareUws, load)],
    reference: bareUws.name,
    figures: ['perSecond', 'cpuUs', 'core', 'bytes'],
    targets: [cpuAtMost(atMost, bareUws.name)],
  };
}

function gets({ protocol, encode, decode }: Protocol): WebSocketOptions {
  return {
    protocol,
    requests: () => drawn(itemsOf(SMALL), GETS).map(({ key }) => encode({ id: 1, op: 'get', key })),
    check: (answer) => expectValues([decode(answer) as Result], 1),
  };
}

function mgets({ protocol, encode, decode }: Protocol): WebSocketOptions {
  return {
    protocol,
    requests: () =>
      batches(itemsOf(SMALL).map(({ key }) => key)).map((keys) => encode({ id: 1, op: 'mget', keys })),
    check: (answer) => expectValues((decode(answer) as { results: Result[] }).results, KEYS),
  };
}

/** As `mgets`, but each socket registers all keys first. */
function mgetsByIds(by: Protocol): WebSocketOptions {
  const keys = itemsOf(SMALL).map(({ key }) => key);
  return {
    ...mgets(by),
    setup: () => [by.encode({ id: 1, op: 'register', keys })],
    requests: () => batches([...keys.keys()]).map((ids) => by.encode({ id: 1, op: 'mget', ids })),
  };
}

function batches<Name>(names: readonly Name[]): Name[][] {
  const twice = [...names, ...names];
  return drawn([...names.keys()], MGETS).map((from) => twice.slice(from, from + KEYS));
}

interface Result {
  readonly key: string;
  readonly value: unknown;
}

function expectValues(results: readonly Result[], count: number): void {
  if (results.length !== count) throw new Error(`an answer to ${count} keys has ${results.length}`);
  const values = new Map(itemsOf(SMALL).map(({ key, value }) => [key, value]));
  for (const { key, value } of results)
    if (JSON.stringify(value) !== JSON.stringify(JSON.parse(values.get(key)!)))
      throw new Error(`the answer for ${key} is not its value`);
}

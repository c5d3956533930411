/** Requests over WebSocket, next to bare uWS, which answers each message with a constant frame of the same bytes. */
import { pack, unpack } from 'msgpackr';
import { bareUws } from '../../peers/bare-uws.ts';
import { ratecache } from '../../peers/ratecache.ts';
import { itemsOf, type Shape, SMALL } from '../../support/data.ts';
import { drawn } from '../../support/zipf.ts';
import { IN_FLIGHT, SOCKETS, type WebSocketOptions, webSocket } from '../loads/websocket.ts';
import { by, cpuAtMost, type Row, rateAtLeast } from '../row.ts';

/** Requests before the sequence begins again. */
const GETS = 8192;
const MGETS = 512;
/** Of an mget. */
export const KEYS = 100;

export interface Protocol {
  readonly protocol: string;
  readonly encode: (request: object) => string | Buffer;
  readonly decode: (answer: Buffer) => unknown;
}

const JSON_TEXT: Protocol = {
  protocol: 'ratecache.v1.json',
  encode: (request) => JSON.stringify(request),
  decode: (answer) => JSON.parse(answer.toString()),
};
export const MSGPACK: Protocol = { protocol: 'ratecache.v1.msgpack', encode: pack, decode: unpack };

/** Of the rate of bare uWS. */
const GET_RATE = 0.75;

export const wsGetJson = row('ws-get-json', 'get, JSON', gets(JSON_TEXT), 1.4, GET_RATE);
export const wsGetMsgpack = row('ws-get-msgpack', 'get, msgpack', gets(MSGPACK), 1.4, GET_RATE);
export const wsMget = row('ws-mget', `mget of ${KEYS}, msgpack`, mgets(MSGPACK), 3.5);
export const wsMgetIds = row('ws-mget-ids', `mget of ${KEYS} by ids, msgpack`, mgetsByIds(MSGPACK), 2);

/**
 * @param atMost of the CPU of bare uWS
 * @param atLeast of its rate. The generator is the limit of that rate, so it says less than the CPU
 */
function row(name: string, what: string, options: WebSocketOptions, atMost: number, atLeast?: number): Row {
  const load = webSocket(options);
  return {
    name,
    title: `WebSocket ${what}`,
    about: `${SOCKETS} sockets, ${IN_FLIGHT} requests under way on each. Figures are of messages.`,
    contestants: [by(ratecache, load), by(bareUws, load)],
    reference: bareUws.name,
    figures: ['perSecond', 'cpuUs', 'core', 'bytes'],
    targets: [
      cpuAtMost(atMost, bareUws.name),
      ...(atLeast === undefined ? [] : [rateAtLeast(atLeast, bareUws.name)]),
    ],
  };
}

export function gets({ protocol, encode, decode }: Protocol, shape: Shape = SMALL): WebSocketOptions {
  return {
    protocol,
    requests: () => drawn(itemsOf(shape), GETS).map(({ key }) => encode({ id: 1, op: 'get', key })),
    check: (answer) => expectValues([decode(answer) as Result], 1),
  };
}

export function mgets({ protocol, encode, decode }: Protocol, shape: Shape = SMALL): WebSocketOptions {
  return {
    protocol,
    requests: () =>
      batches(itemsOf(shape).map(({ key }) => key)).map((keys) => encode({ id: 1, op: 'mget', keys })),
    check: (answer) => expectValues((decode(answer) as { results: Result[] }).results, KEYS),
  };
}

/** As `mgets`, but each socket registers all keys first. */
export function mgetsByIds(by: Protocol, shape: Shape = SMALL): WebSocketOptions {
  const keys = itemsOf(shape).map(({ key }) => key);
  return {
    ...mgets(by, shape),
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

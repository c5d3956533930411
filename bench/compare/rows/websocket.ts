/** Requests over WebSocket beside bare uWS, which answers each message with a constant frame of the same bytes. */
import { pack, unpack } from 'msgpackr';
import { bareUws } from '../../peers/bare-uws/peer.ts';
import { ratecache } from '../../peers/ratecache/peer.ts';
import { itemsOf, SMALL } from '../data.ts';
import { type WebSocketOptions, webSocket } from '../loads/websocket.ts';
import { drawn } from '../requests.ts';
import { by, type Row } from '../row.ts';

/** Requests before the sequence begins anew. */
const ROUND = 8192;
const MGET_ROUND = 512;
export const KEYS = 100;

const JSON_TEXT = {
  protocol: 'ratecache.v1.json',
  encode: (request: object) => JSON.stringify(request),
  decode: (answer: Buffer): unknown => JSON.parse(answer.toString()),
};
const MSGPACK = {
  protocol: 'ratecache.v1.msgpack',
  encode: (request: object) => pack(request),
  decode: (answer: Buffer): unknown => unpack(answer),
};

export const wsGetJson = row('ws-get-json', 'get, JSON', gets(JSON_TEXT));
export const wsGetMsgpack = row('ws-get-msgpack', 'get, msgpack', gets(MSGPACK));
export const wsMget = row('ws-mget', `mget of ${KEYS}, msgpack`, mgets(MSGPACK));

function row(name: string, what: string, options: WebSocketOptions): Row {
  const load = webSocket(options);
  const { connections, inFlight } = options;
  return {
    name,
    title: `WebSocket ${what}`,
    about: `${connections} sockets, ${inFlight} requests under way on each; figures are of messages.`,
    contestants: [by(ratecache, load), by(bareUws, load)],
    references: [bareUws.name],
    columns: 'throughput',
  };
}

/** 64 in flight. */
function gets({ protocol, encode, decode }: typeof JSON_TEXT | typeof MSGPACK): WebSocketOptions {
  return {
    protocol,
    requests: () => drawn(itemsOf(SMALL), ROUND).map(({ key }) => encode({ id: 1, op: 'get', key })),
    connections: 16,
    inFlight: 4,
    check: (answer) => expectValues([decode(answer) as Item]),
  };
}

function mgets({ protocol, encode, decode }: typeof JSON_TEXT | typeof MSGPACK): WebSocketOptions {
  return {
    protocol,
    requests: () => {
      const keys = itemsOf(SMALL).map(({ key }) => key);
      const twice = [...keys, ...keys];
      const starts = drawn([...keys.keys()], MGET_ROUND);
      return starts.map((from) => encode({ id: 1, op: 'mget', keys: twice.slice(from, from + KEYS) }));
    },
    connections: 16,
    inFlight: 4,
    check: (answer) => {
      const { results } = decode(answer) as { results: Item[] };
      if (results.length !== KEYS) throw new Error(`an answer to ${KEYS} keys has ${results.length}`);
      expectValues(results);
    },
  };
}

interface Item {
  readonly key: string;
  readonly value: unknown;
}

function expectValues(found: readonly Item[]): void {
  const values = new Map(itemsOf(SMALL).map(({ key, value }) => [key, value]));
  for (const { key, value } of found)
    if (JSON.stringify(value) !== JSON.stringify(JSON.parse(values.get(key)!)))
      throw new Error(`the answer for ${key} is not its value`);
}

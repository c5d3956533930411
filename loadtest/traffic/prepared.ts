import { frame } from '../support/raw-ws.ts';

/** A request as the bytes to send, and what to look for in its answer. */
export interface Prepared {
  readonly bytes: Buffer;
  /** `status`: 200 is a hit and 404 a miss; `items`: those that the body names; `none`: it is no read. */
  readonly hits: 'status' | 'items' | 'none';
  /** Keys that it reads. */
  readonly keys: number;
  /** The same for autocannon, which writes its own requests. */
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body: string | undefined;
}

export type Encode = {
  get(key: string): Prepared;
  set(key: string, json: string): Prepared;
  mget(keys: readonly string[]): Prepared;
  invalidate(pattern: string): Prepared;
};

export const http: Encode = {
  get: (key) => request('GET', pathOf(key), undefined, 'status', 1),
  set: (key, json) => request('PUT', pathOf(key), json, 'none', 0),
  mget: (keys) => request('POST', '/v1/mget', JSON.stringify({ keys }), 'items', keys.length),
  invalidate: (pattern) => request('POST', '/v1/invalidate', JSON.stringify({ pattern }), 'none', 0),
};

/** One request of a socket is under way at a time, so all can have the same id. */
export const websocket: Encode = {
  get: (key) => message(`{"id":1,"op":"get","key":${JSON.stringify(key)}}`, 'items', 1),
  set: (key, json) => message(`{"id":1,"op":"set","key":${JSON.stringify(key)},"value":${json}}`, 'none', 0),
  mget: (keys) => message(`{"id":1,"op":"mget","keys":${JSON.stringify(keys)}}`, 'items', keys.length),
  invalidate: () => {
    throw new Error('the WebSocket has no operation that invalidates by pattern');
  },
};

function pathOf(key: string): string {
  return `/v1/cache/${encodeURIComponent(key)}`;
}

function request(
  method: Prepared['method'],
  path: string,
  body: string | undefined,
  hits: Prepared['hits'],
  keys: number,
): Prepared {
  const entity =
    body === undefined
      ? '\r\n'
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${entity}`);
  return { bytes, hits, keys, method, path, body };
}

function message(text: string, hits: Prepared['hits'], keys: number): Prepared {
  return { bytes: frame(text), hits, keys, method: 'GET', path: '/v1/ws', body: text };
}

import { frame } from '../support/raw-ws.ts';

/** A request: the bytes to send, and how to count its hits. */
export interface Prepared {
  readonly bytes: Buffer;
  /** `status`: 200 is a hit and 404 a miss; `items`: the body has the hits; `none`: the request is not a read. */
  readonly hits: 'status' | 'items' | 'none';
  /** Number of keys that it reads. */
  readonly keys: number;
  /** For autocannon, which builds its own requests. */
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

/** A socket has at most one request in flight, so all requests can have the same id. */
export const websocket: Encode = {
  get: (key) => message(`{"id":1,"op":"get","key":${JSON.stringify(key)}}`, 'items', 1),
  set: (key, json) => message(`{"id":1,"op":"set","key":${JSON.stringify(key)},"value":${json}}`, 'none', 0),
  mget: (keys) => message(`{"id":1,"op":"mget","keys":${JSON.stringify(keys)}}`, 'items', keys.length),
  invalidate: () => {
    throw new Error('the WebSocket protocol cannot invalidate by pattern');
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

import { LOCAL_HEAD } from '../support/head.ts';
import { frame } from '../support/raw-ws.ts';

/** A request: the bytes to send, and how to count its hits. */
export interface Prepared {
  readonly bytes: Buffer;
  /** `status`: 200 is a hit and 404 a miss; `items`: the body has the hits; `none`: the request is not a read. */
  readonly hits: 'status' | 'items' | 'none';
  /** Number of keys that it reads. */
  readonly keys: number;
}

export type Encode = {
  get(key: string): Prepared;
  set(key: string, json: string): Prepared;
  delete(key: string): Prepared;
  mget(keys: readonly string[]): Prepared;
  invalidate(pattern: string): Prepared;
};

/** @param head header lines of every request, each with its line end */
export function httpWith(head: string): Encode {
  return {
    get: (key) => request(head, 'GET', pathOf(key), undefined, 'status', 1),
    set: (key, json) => request(head, 'PUT', pathOf(key), json, 'none', 0),
    delete: (key) => request(head, 'DELETE', pathOf(key), undefined, 'none', 0),
    mget: (keys) => request(head, 'POST', '/v1/mget', JSON.stringify({ keys }), 'items', keys.length),
    invalidate: (pattern) => request(head, 'POST', '/v1/invalidate', JSON.stringify({ pattern }), 'none', 0),
  };
}

export const http: Encode = httpWith(LOCAL_HEAD);

/** A socket has at most one request in flight, so all requests can have the same id. */
export const websocket: Encode = {
  get: (key) => message(`{"id":1,"op":"get","key":${JSON.stringify(key)}}`, 'items', 1),
  set: (key, json) => message(`{"id":1,"op":"set","key":${JSON.stringify(key)},"value":${json}}`, 'none', 0),
  delete: (key) => message(`{"id":1,"op":"delete","key":${JSON.stringify(key)}}`, 'none', 0),
  mget: (keys) => message(`{"id":1,"op":"mget","keys":${JSON.stringify(keys)}}`, 'items', keys.length),
  invalidate: () => {
    throw new Error('the WebSocket protocol cannot invalidate by pattern');
  },
};

function pathOf(key: string): string {
  return `/v1/cache/${encodeURIComponent(key)}`;
}

function request(
  head: string,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body: string | undefined,
  hits: Prepared['hits'],
  keys: number,
): Prepared {
  const entity =
    body === undefined
      ? '\r\n'
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}${entity}`);
  return { bytes, hits, keys };
}

function message(text: string, hits: Prepared['hits'], keys: number): Prepared {
  return { bytes: frame(text), hits, keys };
}

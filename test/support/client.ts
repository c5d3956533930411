import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';

type Headers = Record<string, string>;
type Bytes = string | Uint8Array;

export const JSON_TYPE = 'application/json';
export const MSGPACK_TYPE = 'application/vnd.msgpack';

export function pathOf(key: string): string {
  return `/v1/cache/${encodeURIComponent(key)}`;
}

export function get(service: Service, key: string, headers: Headers = {}): Promise<Response> {
  return service.fetch(pathOf(key), { headers });
}

/** PUTs bytes as JSON, unless `headers` say otherwise; `query` with its question mark. */
export function put(
  service: Service,
  key: string,
  body: Bytes,
  { headers = {}, query = '' }: { headers?: Headers; query?: string } = {},
): Promise<Response> {
  return service.fetch(pathOf(key) + query, {
    method: 'PUT',
    headers: { 'content-type': JSON_TYPE, ...headers },
    body: body as NonNullable<RequestInit['body']>,
  });
}

export function del(service: Service, key: string, headers: Headers = {}): Promise<Response> {
  return service.fetch(pathOf(key), { method: 'DELETE', headers });
}

/** POSTs bytes as they are, anything else as the JSON of it. */
export function post(
  service: Service,
  path: string,
  body: unknown = {},
  headers: Headers = {},
): Promise<Response> {
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return service.fetch(path, {
    method: 'POST',
    headers: { 'content-type': JSON_TYPE, ...headers },
    body: bytes as NonNullable<RequestInit['body']>,
  });
}

/** Reads the keys until each answer comes from L1: the link has then reported the writes of before. */
export async function readIntoL1(service: Service, ...keys: readonly string[]): Promise<void> {
  for (const key of keys)
    await until(async () => {
      const response = await get(service, key);
      await response.arrayBuffer();
      return response.headers.get('cache-status')?.startsWith('ratecache-l1; hit');
    });
}

export async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

// biome-ignore lint/suspicious/noExplicitAny: what a test looks into, it asserts
export async function jsonOf(response: Response): Promise<any> {
  return response.json();
}

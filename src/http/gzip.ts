/** Large values compressed for clients whose `Accept-Encoding` asks for it. Each is compressed once. */
import { gzip } from 'node:zlib';
import Negotiator from 'negotiator';
import type { Body, Encoding, Entry } from '../cache/entry.ts';

/** Values from this size on are compressed. Below it the saved bytes are not worth a second form. */
export const COMPRESSIBLE_BYTES = 4096;

/** The memory of all compressed values, together with the values that their entries keep alive. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A larger value would take most of that memory alone. */
const LARGEST_BYTES = MOST_BYTES / 8;
/** Values that are being compressed. Node has four threads for this; beyond it the answer is sent as it is. */
const MOST_RUNNING = 8;
/** A compressed value that is larger than this part of the value is not used. */
const WORTHWHILE = 0.9;

/** Whether the client prefers an answer in gzip to an unchanged one. */
export function acceptsGzip(acceptEncoding: string): boolean {
  // `x-gzip` is an old name. Few clients of this service send a weight, so most headers end here.
  if (!acceptEncoding.includes('gzip') && !acceptEncoding.includes('*')) return false;
  const headers = { 'accept-encoding': acceptEncoding };
  return new Negotiator({ headers }).encodings(['gzip', 'identity'])[0] === 'gzip';
}

interface Prepared {
  /** Undefined where compression does not make the value smaller. */
  readonly body: Buffer | undefined;
  /** What the value and its compressed form take together. */
  readonly bytes: number;
}

/** The compressed forms of entries, the least recently used first. Their memory is bounded. */
export class GzippedValues {
  readonly #ready: Record<Encoding, Map<Entry, Prepared>> = { json: new Map(), msgpack: new Map() };
  readonly #running: Record<Encoding, Map<Entry, Promise<Buffer | undefined>>> = {
    json: new Map(),
    msgpack: new Map(),
  };
  #bytes = 0;

  /**
   * The value in gzip: at once if it is prepared, else when it has been compressed on a thread. Undefined if the value
   * must be sent unchanged: compression does not make it smaller, it is too large, or too many values are being compressed.
   */
  get(entry: Entry, encoding: Encoding, body: Body): Buffer | undefined | Promise<Buffer | undefined> {
    const ready = this.#ready[encoding];
    const known = ready.get(entry);
    if (known !== undefined) {
      ready.delete(entry);
      ready.set(entry, known);
      return known.body;
    }
    const running = this.#running[encoding];
    const started = running.get(entry);
    if (started !== undefined) return started;
    const { json, msgpack } = this.#running;
    if (body.length > LARGEST_BYTES || json.size + msgpack.size >= MOST_RUNNING) return undefined;
    const compressing = compress(body).then((gzipped) => {
      running.delete(entry);
      this.#keep(ready, entry, { body: gzipped, bytes: body.length + (gzipped?.length ?? 0) });
      return gzipped;
    });
    running.set(entry, compressing);
    return compressing;
  }

  #keep(ready: Map<Entry, Prepared>, entry: Entry, prepared: Prepared): void {
    ready.set(entry, prepared);
    this.#bytes += prepared.bytes;
    const { json, msgpack } = this.#ready;
    while (this.#bytes > MOST_BYTES) {
      const map = json.size >= msgpack.size ? json : msgpack;
      const [oldest, { bytes }] = map.entries().next().value!;
      map.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** Undefined where it saves too little, and where zlib fails: the value can always be sent unchanged. */
function compress(body: Body): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    gzip(body, (error, gzipped) => {
      resolve(error === null && gzipped.length < WORTHWHILE * Buffer.byteLength(body) ? gzipped : undefined);
    });
  });
}

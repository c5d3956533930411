/** Keeps a request until its token is verified, because uWS keeps neither headers nor body longer than its callback. */
import type { HttpRequest, HttpResponse } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import { fault } from './exchange.ts';

const ASCII = new TextDecoder();

/** The parts of a request that handlers read, copied. */
class SavedRequest implements HttpRequest {
  readonly #lines: (readonly [name: string, value: string])[] = [];
  readonly #url: string;
  readonly #method: string;
  readonly #caseSensitiveMethod: string;
  readonly #query: string;
  readonly #parameter: string | undefined;

  constructor(req: HttpRequest) {
    req.forEach((name, value) => {
      this.#lines.push([name, value]);
    });
    this.#url = req.getUrl();
    this.#method = req.getMethod();
    this.#caseSensitiveMethod = req.getCaseSensitiveMethod();
    this.#query = req.getQuery();
    this.#parameter = req.getParameter(0);
  }

  /** @param header as text or as bytes (framing.ts) */
  getHeader(header: string | ArrayBuffer): string {
    const name = typeof header === 'string' ? header : ASCII.decode(header);
    return this.#lines.find(([each]) => each === name)?.[1] ?? '';
  }

  /** Routes have at most one parameter. */
  getParameter(): string | undefined {
    return this.#parameter;
  }

  getUrl(): string {
    return this.#url;
  }

  getMethod(): string {
    return this.#method;
  }

  getCaseSensitiveMethod(): string {
    return this.#caseSensitiveMethod;
  }

  getQuery(): string {
    return this.#query;
  }

  forEach(each: (name: string, value: string) => void): void {
    for (const [name, value] of this.#lines) each(name, value);
  }

  setYield(): HttpRequest {
    return this;
  }
}

/**
 * Calls `then` with a copy of the request when `decision` has resolved, or `otherwise` when it was rejected or the body does
 * not fit. The response then delivers the body to `onData` as if the request had just arrived. A client that disconnects
 * before is forgotten.
 */
export function defer<T>(
  deps: HttpDeps,
  res: HttpResponse,
  req: HttpRequest,
  decision: Promise<T>,
  then: (req: HttpRequest, decided: T) => void,
  otherwise: (req: HttpRequest, error: unknown) => void,
): void {
  const { load, limits, counters } = deps;
  const saved = new SavedRequest(req);
  const deliverBody = res.onData.bind(res);
  let chunks: ArrayBuffer[] = [];
  let bytes = 0;
  let complete = false;
  let over = false;
  const finish = () => {
    over = true;
    load.open--;
    load.bodyBytes -= bytes;
  };
  load.open++;
  res.onAborted(() => {
    if (over) return;
    counters.httpAborted++;
    finish();
  });
  deliverBody((chunk, last) => {
    if (over) return;
    complete = last;
    if (load.bodyBytes + chunk.byteLength > limits.maxBufferedBodyBytes) {
      finish();
      return otherwise(
        saved,
        fault('overloaded', 'unfinished request bodies exceed MAX_BUFFERED_BODY_BYTES'),
      );
    }
    // uWS reuses the memory of the chunk as soon as this callback returns.
    chunks.push(chunk.slice(0));
    bytes += chunk.byteLength;
    load.bodyBytes += chunk.byteLength;
  });
  res.onData = (each) => {
    const kept = chunks;
    chunks = [];
    for (const [i, chunk] of kept.entries()) each(chunk, complete && i === kept.length - 1);
    if (!complete) deliverBody(each);
    return res;
  };
  const decide = (act: () => void) => {
    if (over) return;
    finish();
    act();
  };
  decision.then(
    (decided) => decide(() => then(saved, decided)),
    (error) => decide(() => otherwise(saved, error)),
  );
}

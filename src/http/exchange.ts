import { TermsNotMet } from '../cache/read-on-terms.ts';
import { ERRORS, type ErrorCode, ServiceError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { HttpResponse } from '../uws.ts';
import { endAsRead, LARGE_BYTES, sendWithoutEnd } from './as-read.ts';
import { type Load, MOST_UNSENT_BYTES } from './load.ts';

/** Additional header lines of an answer. Values must never contain bytes from a client: uWS does not escape them. */
export type Headers = readonly (readonly [name: string, value: string])[];

export const JSON_TYPE = 'application/json';
export const MSGPACK_TYPE = 'application/vnd.msgpack';
/** Redis and the event loop may recover within a second, so clients may retry soon. */
const RETRY_AFTER_SECONDS = '1';

const PROBLEM_TYPE = 'application/problem+json';

const STATUS_LINES: Record<number, string> = {
  200: '200 OK',
  201: '201 Created',
  202: '202 Accepted',
  204: '204 No Content',
  304: '304 Not Modified',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  406: '406 Not Acceptable',
  412: '412 Precondition Failed',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  501: '501 Not Implemented',
  503: '503 Service Unavailable',
  504: '504 Gateway Timeout',
};

/** uWS sends what is corked when a write exceeds its buffer. Its buffer has this size. */
export const CORK_BUFFER_BYTES = 16 * 1024;

/** Header lines of every answer. */
let commonLines = '\r\nX-Content-Type-Options: nosniff';

/** Every answer from now on announces how long its connection stays open when no request follows. */
export function announceIdleTimeout(seconds: number): void {
  commonLines = `\r\nX-Content-Type-Options: nosniff\r\nKeep-Alive: timeout=${seconds}`;
}

/**
 * One request that may be answered after its handler has returned. The client may disconnect at any time; after that,
 * the response object of uWS must not be used.
 */
export class Exchange {
  readonly #res: HttpResponse;
  readonly #load: Load;
  readonly #counters: Counters;
  /** True for HEAD: the answer has no body. */
  readonly #bodiless: boolean;
  /** Whether the answer closes the connection, in a later turn of the event loop (framing.ts). */
  readonly #last: boolean;
  readonly #seconds: Histogram | undefined;
  readonly #start: number;
  #done = false;
  /** Whether all of the answer is on its way, or will never be. */
  #over = false;
  /** Whether the callback of the body runs. */
  #inData = false;
  /** Whether the client has disconnected: uWS throws when its response is used then. */
  #gone = false;
  /** Bytes of the body that the socket did not take at once. */
  #unsentBytes = 0;
  /** What is asked for, for the line about a slow request. */
  operation = '';
  key: string | undefined;
  /** When the last byte of the body arrived, where slow requests are logged. */
  #bodyAt: number | undefined;
  /** How long the request has waited for Redis, where slow requests are logged. */
  #redisMs = 0;
  /** Called when the client disconnects before the answer. */
  onGone: (() => void) | undefined;
  /** Undefined if the request is not traced. */
  readonly span: TraceSpan | undefined;
  /** Receives the status or the code of the answer, once, for the audit log. */
  onOutcome: ((outcome: string) => void) | undefined;

  /** @param seconds the histogram of the time to answer */
  constructor(res: HttpResponse, load: Load, counters: Counters, bodiless: boolean, seconds?: Histogram) {
    this.#res = res;
    this.#load = load;
    this.#counters = counters;
    this.#bodiless = bodiless;
    this.#last = load.last.has(res);
    this.#seconds = seconds;
    this.#start = performance.now();
    this.span = load.spans?.get(res);
    load.open++;
    res.onAborted(() => {
      const answered = this.#done;
      this.#done = true;
      this.#gone = true;
      if (!this.#over) counters.httpAborted++;
      this.#finish();
      if (answered) return;
      this.#endSpan(undefined, 'aborted');
      this.onGone?.();
    });
  }

  /** Whether the request was answered, or its client has disconnected. */
  get done(): boolean {
    return this.#done;
  }

  /** Times a wait for Redis, where slow requests are logged. @returns a promise with the same outcome */
  waitForRedis<T>(waiting: Promise<T>): Promise<T> {
    if (this.#load.slow === undefined) return waiting;
    const start = performance.now();
    return waiting.finally(() => {
      this.#redisMs += performance.now() - start;
    });
  }

  send(status: number, headers: Headers, body: string | Buffer = ''): void {
    this.#write(status, headers, body, this.#load.closesNext());
  }

  /** Whether the connection must close after the answer. */
  get isLast(): boolean {
    return this.#last || this.#load.draining;
  }

  /** The answer is under way, and the caller sends the rest. It listens for the end of the connection from now on. */
  handOver(status: number): void {
    this.#report(String(status));
    this.#count(status, String(status));
    this.#finish();
  }

  /** Answers with problem+json. */
  sendProblem(error: ServiceError, headers: Headers = []): void {
    this.#write(
      error.status,
      problemHeaders(error, headers),
      problem(error),
      this.#load.closesNext(),
      error.code,
    );
  }

  /**
   * Answers with an error, and closes the connection before uWS executes what follows, such as the rest of a body. uWS would
   * drop an answer that is corked when the connection closes. So spaces follow the error until the answer exceeds the
   * buffer.
   */
  refuse(error: ServiceError, headers: Headers = []): void {
    if (this.#done) return;
    this.#report(error.code);
    this.#count(error.status, error.code);
    this.#finish();
    const res = this.#res;
    // `writeStatus` adds a line end.
    const body = problem(error).padEnd(CORK_BUFFER_BYTES);
    const head = headText(error.status, [
      ...problemHeaders(error, headers),
      ['Content-Length', String(body.length + 2)],
      ['Connection', 'close'],
    ]);
    res.cork(() => res.writeStatus(`${head}\r\n${dateLine()}\r\n\r\n${body}`));
    this.#close();
  }

  /** Answers with an error. An error that is not a `ServiceError` is sent as `internal`, and thrown again. */
  sendFault(error: unknown, headers: Headers = []): void {
    if (error instanceof ServiceError) return this.sendProblem(error, headers);
    this.sendProblem(new ServiceError('internal', ERRORS.internal[1]), headers);
    throw error;
  }

  /** @param each receives each chunk of the body, which is valid only during the call; `last` marks the last chunk */
  onData(each: (chunk: Buffer, last: boolean) => void): void {
    this.#res.onData((chunk, last) => {
      this.#inData = true;
      if (last && this.#load.slow !== undefined) this.#bodyAt = performance.now();
      try {
        if (!this.#done) each(Buffer.from(chunk), last);
      } finally {
        this.#inData = false;
      }
    });
  }

  #write(
    status: number,
    headers: Headers,
    body: string | Buffer,
    closing: boolean,
    outcome = String(status),
  ): void {
    this.#report(outcome);
    if (this.#done) return;
    this.#count(status, outcome);
    this.#reportSlow(outcome, headers);
    // uWS closes the connection when it reads another request before the answer, so nothing after this request is executed.
    if (this.#last) setImmediate(() => this.#deliver(status, headers, body, true));
    else this.#deliver(status, headers, body, closing);
  }

  /** A client may disconnect before it receives the outcome. */
  #report(outcome: string): void {
    this.onOutcome?.(outcome);
    this.onOutcome = undefined;
  }

  #count(status: number, outcome: string): void {
    this.#done = true;
    const seconds = (performance.now() - this.#start) / 1000;
    this.#seconds?.observe(seconds);
    this.#counters.httpResponses[Math.floor(status / 100)]!++;
    if (this.span === undefined) return;
    this.#seconds?.exemplify(seconds, this.span, Date.now() / 1000);
    this.#endSpan(status, outcome);
  }

  /** @param status undefined for a client that disconnected before the answer */
  #endSpan(status: number | undefined, outcome: string): void {
    const { span, key } = this;
    if (span === undefined) return;
    if (status !== undefined) span.set('http.response.status_code', status);
    const code = outcome === String(status) ? undefined : outcome;
    span.endRequest({ key, code, failure: status === undefined || status >= 500 ? outcome : undefined });
  }

  #reportSlow(outcome: string, headers: Headers): void {
    const { slow } = this.#load;
    if (slow === undefined) return;
    const ms = performance.now() - this.#start;
    if (ms < slow.thresholdMs) return;
    const { operation, key } = this;
    const bodyMs = this.#bodyAt === undefined ? undefined : this.#bodyAt - this.#start;
    const cacheStatus = headers.find(([name]) => name === 'Cache-Status')?.[1];
    slow.report({ operation, key, outcome, ms, bodyMs, redisMs: this.#redisMs, cacheStatus });
  }

  #deliver(status: number, headers: Headers, body: string | Buffer, closing: boolean): void {
    if (this.#gone) return;
    const res = this.#res;
    const head = headText(status, headers);
    const bodiful = status !== 204 && status !== 304;
    res.cork(() => {
      // Counts the bytes only where the length is sent: to count the bytes of each answer would make every mget slower.
      if (!bodiful || this.#bodiless || (this.#last && body.length === 0))
        this.#endWithoutBody(head, bodiful ? Buffer.byteLength(body) : undefined, status, closing);
      else if (this.#last && body.length > 1) this.#sendAndClose(head, body);
      else this.#endWithBody(head, body, closing);
    });
    if (this.#load.unsentBytes > MOST_UNSENT_BYTES && this.#unsentBytes > 0) this.#close();
  }

  #endWithBody(head: string, body: string | Buffer, closing: boolean): void {
    const res = this.#res;
    res.writeStatus(head);
    const asRead =
      body.length >= LARGE_BYTES || (!closing && this.#load.checks.draws(head.length + body.length));
    if (!asRead) {
      this.#finish();
      res.end(body, closing);
      return;
    }
    if (closing) res.writeHeader('Connection', 'close');
    if (endAsRead(res, body, () => this.#finish())) this.#finish();
    else this.#leaveUnsent(body);
  }

  #sendAndClose(head: string, body: string | Buffer): void {
    const close = () => {
      this.#finish();
      this.#closeLater();
    };
    if (!sendWithoutEnd(this.#res, `${head}\r\nConnection: close`, body, close)) this.#leaveUnsent(body);
  }

  #leaveUnsent(body: string | Buffer): void {
    this.#unsentBytes = body.length;
    this.#load.unsentBytes += body.length;
  }

  /** @param length what a GET would have brought, where this is the answer to a HEAD */
  #endWithoutBody(head: string, length: number | undefined, status: number, closing: boolean): void {
    const res = this.#res;
    this.#finish();
    const all = length === undefined ? head : `${head}\r\nContent-Length: ${length}`;
    // Answers to writes are not drawn, so that writers keep their connections: docs/architecture.md names this gap.
    const drawn = (this.#bodiless || status === 304) && this.#load.closes.draws(1);
    if (drawn || this.#last) return this.#endAndClose(all);
    res.writeStatus(closing ? `${all}\r\nConnection: close` : all);
    // Never pass arguments: uWS makes a Content-Length of any first argument, even undefined. It then waits for that
    // many bytes, and closes the connection at the next request.
    res.endWithoutBody();
  }

  /** Ends the head by its empty line, and closes the connection after uWS has sent the bytes at the end of this turn. */
  #endAndClose(head: string): void {
    const res = this.#res;
    res.writeStatus(`${head}\r\n${dateLine()}\r\nConnection: close\r\n`);
    this.#closeLater();
  }

  #close(): void {
    if (this.#inData) this.#closeLater();
    else this.#res.close();
  }

  /**
   * Closes the connection in a later turn: in a callback of the connection, uWS would free the function that is running.
   * For uWS the request has no answer yet, so it closes the connection itself when another request arrives before.
   */
  #closeLater(): void {
    setImmediate(() => {
      if (!this.#gone) this.#res.close();
    });
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#load.open--;
    this.#load.unsentBytes -= this.#unsentBytes;
    this.#unsentBytes = 0;
  }
}

/**
 * The status and all header lines as one text for `writeStatus`. uWS writes it unchanged, line ends included. One call
 * is faster than a call for each line.
 */
export function headText(status: number, headers: Headers): string {
  let text = (STATUS_LINES[status] ?? String(status)) + commonLines;
  for (const [name, value] of headers) text += `\r\n${name}: ${value}`;
  return text;
}

function problemHeaders(error: ServiceError, headers: Headers): Headers {
  const retry = [['Retry-After', RETRY_AFTER_SECONDS]] as const;
  const all = [['Content-Type', PROBLEM_TYPE], ['Cache-Control', 'no-store'], ...headers] as const;
  return error.status === 503 ? [...all, ...retry] : all;
}

function dateLine(): string {
  return `Date: ${new Date().toUTCString()}`;
}

function problem(error: ServiceError): string {
  const [status, title] = ERRORS[error.code];
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    code: error.code,
    detail: error.message,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error instanceof TermsNotMet ? { age: error.age } : {}),
  });
}

export function fault(code: ErrorCode, detail: string, field?: string): ServiceError {
  return new ServiceError(code, detail, field);
}

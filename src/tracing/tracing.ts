/**
 * What the service records of a sampled request, for OpenTelemetry. Everything of the SDK is in `otel.ts`, which is
 * loaded only while tracing is on. Without tracing, or for a request that is not sampled, every `TraceSpan` here is
 * undefined.
 */

/** How a request ended. */
export interface RequestEnd {
  readonly key?: string | undefined;
  /** The code of an error. */
  readonly code?: string | undefined;
  /** What failed in the service; undefined for errors of the client. */
  readonly failure?: string | undefined;
}

/** One step of a request, or of a replay, from its start to its end. */
export interface TraceSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Starts a step within this step. @param kind `client` for a command to Redis */
  child(name: string, kind?: 'internal' | 'client'): TraceSpan;
  set(attribute: string, value: string | number | boolean): void;
  /** Names a span, of this trace or another, that shares the work of this one. */
  link(other: TraceSpan): void;
  /** Marks the step as failed. It still needs its end. */
  fail(reason: string): void;
  /** Ends the step. Later calls have no effect. */
  end(): void;
  /** Records how the request of this span ended, and ends it. */
  endRequest(end: RequestEnd): void;
}

/** The part of a request that names its parent. */
export interface HeaderLines {
  /** @param name in lower case, as text or as bytes */
  getHeader(name: string | ArrayBuffer): string;
  /** Calls `each` for every line, with its name in lower case. */
  forEach(each: (name: string, value: string) => void): void;
}

export interface Tracing {
  /**
   * Starts the span of a request. It continues the trace of the header `traceparent`.
   * @returns undefined where the sampler does not choose the request
   */
  request(operation: string, req: HeaderLines): TraceSpan | undefined;
  /** Starts a trace. @param kind `server` for a request without headers @returns as `request` */
  start(operation: string, kind: 'internal' | 'server'): TraceSpan | undefined;
  /** Sends the spans that wait, but for at most `timeoutMs`. No span is sent afterwards. */
  close(timeoutMs: number): Promise<void>;
}

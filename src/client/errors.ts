/** Codes of errors that the client itself reports. Errors of the service have the codes of `docs/api/errors.md`. */
export type ClientErrorCode =
  /** No connection exists, or it was lost before the answer. */
  | 'disconnected'
  /** The deadline of the request passed. */
  | 'timeout'
  /** The `AbortSignal` of the request was aborted. */
  | 'aborted'
  /** `close()` was called. */
  | 'closed'
  /** The limit of requests in flight is reached. */
  | 'too_many_requests'
  /** The write was sent, and its outcome is unknown. */
  | 'write_unknown'
  /** This transport cannot do it. */
  | 'not_supported'
  /** An argument is invalid. */
  | 'argument_invalid';

/** Every error of the client: a stable code, and a sentence for people. */
export class RatecacheError extends Error {
  readonly code: ClientErrorCode | (string & {});
  /** The invalid member of the request, if the service named one. */
  readonly field: string | undefined;
  /** How long to wait before the request is sent again, if the service said so. */
  readonly retryAfterMs: number | undefined;
  /** For `terms_not_met`: how old the data is, in ms, if a value was found. */
  readonly ageMs: number | undefined;

  constructor(code: RatecacheError['code'], message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'RatecacheError';
    this.code = code;
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
    this.ageMs = details.ageMs;
  }
}

export interface ErrorDetails {
  readonly field?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly ageMs?: number | undefined;
  readonly cause?: unknown;
}

/** Whether the client no longer waits for the answer. The service may have received the request, and may accept it later. */
export function isGivenUp(error: unknown): boolean {
  return isCode(error, 'timeout') || isCode(error, 'aborted');
}

export function isCode(error: unknown, code: ClientErrorCode): boolean {
  return error instanceof RatecacheError && error.code === code;
}

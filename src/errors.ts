/**
 * Every error that the service can return, in one table: the stable code, its HTTP status, and the title that
 * problem+json (RFC 9457) carries. `docs/api/errors.md` documents each code; a test compares the two.
 */
export const ERRORS = {
  bad_request: [400, 'Malformed request'],
  body_invalid: [400, 'Invalid request body'],
  frame_invalid: [400, 'Invalid WebSocket request'],
  key_invalid: [400, 'Invalid key'],
  pattern_invalid: [400, 'Invalid glob pattern'],
  pattern_too_complex: [400, 'The glob pattern has too many stars'],
  origin_invalid: [400, 'Invalid asOf or source'],
  idempotency_key_invalid: [400, 'Invalid idempotency key'],
  quality_invalid: [400, 'Invalid source or mark'],
  ttl_invalid: [400, 'Invalid TTL'],
  value_invalid: [400, 'Invalid value'],
  unauthenticated: [401, 'The request has no valid token'],
  certificate_required: [403, 'The client has not presented a certificate'],
  forbidden: [403, 'The token does not allow this request'],
  origin_refused: [403, 'Pages of this origin are not allowed to use the service'],
  host_refused: [403, 'ALLOWED_HOSTS does not list the host of the request'],
  upgrade_required: [426, 'This path accepts WebSocket connections only'],
  subprotocol_unsupported: [
    400,
    'Unsupported WebSocket subprotocol; use ratecache.v1.json or ratecache.v1.msgpack',
  ],
  query_invalid: [400, 'Invalid query parameter'],
  cache_miss: [404, 'No value exists for this key'],
  cache_unknown: [404, 'The key is not in L1, and Redis is unavailable'],
  not_found: [404, 'No endpoint has this path'],
  method_not_allowed: [405, 'This path does not support this method'],
  not_acceptable: [406, 'The value cannot be encoded in a media type that the client accepts'],
  precondition_failed: [412, 'The condition of the request does not hold'],
  body_too_large: [413, 'The request body is larger than MAX_BODY_BYTES'],
  answer_too_large: [413, 'The answer to the batch is larger than MAX_ANSWER_BYTES'],
  value_too_large: [413, 'The value is larger than MAX_VALUE_BYTES'],
  media_type_unsupported: [415, 'Unsupported media type; send JSON or msgpack'],
  marks_full: [409, 'The limit of names in sources or marks is reached'],
  idempotency_key_reused: [422, 'Another write had this idempotency key'],
  rate_limited: [429, 'Too many requests'],
  terms_not_met: [504, 'No value meets the terms of the request'],
  transfer_coding_unsupported: [501, 'Unsupported transfer coding; send chunked or Content-Length'],
  internal: [500, 'Internal error; the cause is in the log of the service'],
  l2_unavailable: [503, 'Redis is unavailable, so the request was not sent to it'],
  l2_rejected: [503, 'Redis rejected the command'],
  l2_timeout: [503, 'Redis did not answer in time'],
  write_unknown: [503, 'Redis did not answer in time, so the write may have been applied'],
  pending_writes_full: [503, 'Redis is unreachable, and the limit of pending writes is reached'],
  halted: [503, 'The key is halted'],
  too_many_connections: [503, 'The limit of WebSocket connections and event streams is reached'],
  too_many_subscriptions: [400, 'The limit of subscriptions is reached'],
  identity_unavailable: [503, 'Tokens cannot be verified at present'],
  overloaded: [503, 'The service is overloaded'],
  shutting_down: [503, 'The service is shutting down'],
  standalone: [503, 'The service runs without Redis'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** An error that the client receives: a stable code, a sentence for people, and the field with the error, if any. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, detail: string, field?: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ServiceError';
    this.code = code;
    this.field = field;
  }

  get status(): number {
    return ERRORS[this.code][0];
  }
}

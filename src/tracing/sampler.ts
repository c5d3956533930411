/**
 * Decides which requests are traced, by the rules of OTEL_TRACES_SAMPLER. A request that is not chosen costs one random number;
 * the samplers of the SDK would need two ids and several objects for it.
 */

export const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** A header `traceparent`: version, trace id, span id and flags. Later versions may add parts. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?=$|-)/;
/** Where the trace id begins, and where its random digits begin: the last 14, by W3C Trace Context Level 2. */
const TRACE_ID_AT = 3;
const RANDOM_DIGITS_AT = TRACE_ID_AT + 18;
const TRACE_ID_END = TRACE_ID_AT + 32;
const SPAN_ID_AT = TRACE_ID_END + 1;
const SPAN_ID_END = SPAN_ID_AT + 16;
const LAST_FLAG_AT = SPAN_ID_END + 2;

export class Sampler {
  readonly #followsParent: boolean;
  /** A trace is sampled if its random number, from 0 to 1, is at least this. */
  readonly #threshold: number;

  /** @param ratio from 0 to 1, for the samplers with `traceidratio` */
  constructor(name: SamplerName, ratio: number) {
    this.#followsParent = name.startsWith('parentbased_');
    this.#threshold = 1 - (name.endsWith('always_on') ? 1 : name.endsWith('always_off') ? 0 : ratio);
  }

  /** Returns the id of a new trace, or undefined if it is not sampled. The random digits of the id decide. */
  draw(): string | undefined {
    const random = Math.random();
    return random < this.#threshold ? undefined : traceIdWith(random);
  }

  /** Whether a request with this valid `traceparent` is sampled. */
  continues(traceparent: string): boolean {
    if (this.#followsParent) return (Number.parseInt(traceparent[LAST_FLAG_AT]!, 16) & 1) === 1;
    const digits = traceparent.slice(RANDOM_DIGITS_AT, TRACE_ID_END);
    return Number.parseInt(digits, 16) / 2 ** 56 >= this.#threshold;
  }
}

export function isTraceparent(header: string): boolean {
  return TRACEPARENT.test(header);
}

/** @param traceparent a valid one */
export function idsIn(traceparent: string): { readonly traceId: string; readonly spanId: string } {
  return {
    traceId: traceparent.slice(TRACE_ID_AT, TRACE_ID_END),
    spanId: traceparent.slice(SPAN_ID_AT, SPAN_ID_END),
  };
}

/** A trace id whose last 14 digits are this number from 0 to 1. `Math.random` has 52 bits, so the last digit is drawn. */
function traceIdWith(random: number): string {
  return randomDigits(8) + randomDigits(8) + randomDigits(2) + digitsOf(random, 13) + randomDigits(1);
}

/** @param count at most 13 */
export function randomDigits(count: number): string {
  return digitsOf(Math.random(), count);
}

function digitsOf(random: number, count: number): string {
  return Math.floor(random * 16 ** count)
    .toString(16)
    .padStart(count, '0');
}

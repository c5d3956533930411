/**
 * The audit log: one line of the log for every admin operation, every refused request and, if the operator asks for it,
 * every write. A line says who, what, from where and in which request. It never contains a token or a value.
 */
import type { Logger } from '../log.ts';
import type { Principal } from './principal.ts';

/** Refused requests that are logged at once. After that, one every `REFILL_MS` is. */
const BURST = 20;
const REFILL_MS = 100;
/** How often the number of refused requests without a line is logged. */
const SUMMARY_MS = 1000;
/** Longer targets, such as patterns, are truncated. */
const TARGET_CHARACTERS = 512;

export interface AuditEvent {
  /** Undefined for a request without a valid token. */
  readonly principal: Principal | undefined;
  /** What was asked for: `flush`, `PUT /v1/cache/{key}`, `subscribe`, … */
  readonly operation: string;
  /** The key, pattern or type. */
  readonly target?: string | undefined;
  /** The number of keys of a batch. */
  readonly keys?: number | undefined;
  /** The address of the client. */
  readonly from: string;
  readonly requestId?: string | undefined;
}

export interface AuditOptions {
  /** AUDIT_WRITES. */
  readonly writes: boolean;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export class Audit {
  /** For the caller of `write`, which then builds no event in vain. */
  readonly auditsWrites: boolean;
  readonly #log: Logger;
  readonly #now: () => number;
  #credit = BURST;
  #creditAt: number;
  #leftOut = 0;
  #summary: NodeJS.Timeout | undefined;

  constructor(log: Logger, { writes, now = () => performance.now() }: AuditOptions) {
    // Audit lines do not depend on LOG_LEVEL, except for an operator who wants no log at all.
    this.#log = log.level === 'silent' ? log : log.child({}, { level: 'info' });
    this.auditsWrites = writes;
    this.#now = now;
    this.#creditAt = now();
  }

  /** @param outcome the status or code of the answer */
  admin(event: AuditEvent, outcome: string): void {
    this.#log.info({ audit: 'admin', ...fieldsOf(event), outcome }, 'An admin operation was requested.');
  }

  /** Does nothing unless `auditsWrites`. */
  write(event: AuditEvent, outcome: string): void {
    if (!this.auditsWrites) return;
    this.#log.info({ audit: 'write', ...fieldsOf(event), outcome }, 'A write was requested.');
  }

  /**
   * Many refused requests have few lines, so that a flood of them neither fills the disk nor costs much. A second later,
   * one line contains the number of the others.
   *
   * @param code the code of the answer: `unauthenticated`, `forbidden`, …
   */
  refused(event: AuditEvent, code: string): void {
    if (!this.#spend()) {
      this.#leftOut++;
      this.#summary ??= setTimeout(() => this.#summarize(), SUMMARY_MS).unref();
      return;
    }
    this.#log.warn({ audit: 'refused', ...fieldsOf(event), outcome: code }, 'A request was refused.');
  }

  /** Logs what is left to log. */
  close(): void {
    if (this.#summary !== undefined) this.#summarize();
  }

  #spend(): boolean {
    const now = this.#now();
    this.#credit = Math.min(BURST, this.#credit + (now - this.#creditAt) / REFILL_MS);
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit--;
    return true;
  }

  #summarize(): void {
    clearTimeout(this.#summary);
    this.#summary = undefined;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#log.warn(
      { audit: 'refused', left_out: leftOut },
      'More requests were refused; they have no lines of their own.',
    );
  }
}

function fieldsOf({ principal, operation, target, keys, from, requestId }: AuditEvent) {
  return {
    who: principal?.name,
    via: principal?.via,
    operation,
    target: target?.slice(0, TARGET_CHARACTERS),
    keys,
    from,
    request_id: requestId,
  };
}

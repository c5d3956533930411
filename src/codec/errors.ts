/** The deepest nesting that a conversion follows. A deeper value is refused as `NotConvertible`. */
export const MAX_DEPTH = 1000;

/**
 * The value is well formed, but the other encoding cannot represent it exactly. `reason` is for the client: the
 * obstacle and its place. The stored value is intact, and readers of its own encoding still receive it.
 */
export class NotConvertible extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'NotConvertible';
    this.reason = reason;
  }
}

/** The bytes or the text violate the encoding, or do not have the type that the caller expects. */
export class Malformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Malformed';
  }
}

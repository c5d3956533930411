/** Containers inside containers that a conversion follows; one more is refused as `NotConvertible`. */
export const MAX_DEPTH = 1000;

/**
 * The value is well formed but has no exact equal in the other encoding. `reason` is for the client: what
 * stands in the way and where. The stored bytes are as good as before; only this reader cannot have them.
 */
export class NotConvertible extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'NotConvertible';
    this.reason = reason;
  }
}

/** The bytes or the text are not what the encoding allows, or not of the shape that the reader asked for. */
export class Malformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Malformed';
  }
}

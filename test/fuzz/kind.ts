import type { Random } from '../../loadtest/support/random.ts';
import type { Values } from './grammar/values.ts';
import type { Target } from './live/target.ts';

/** What an input is made of. The same seed and number make the same input. */
export interface Source {
  readonly random: Random;
  readonly values: Values;
  /** The number of the input. */
  readonly index: number;
}

/** One kind of input. A kind has a checked decoder of this process, or sends its inputs to a real service. */
export type Kind = DecoderKind | LiveKind;

export interface DecoderKind {
  readonly name: string;
  readonly decodes: true;
  /** Makes the input and checks what must hold for it. It throws if something does not. */
  check(source: Source): void;
  /** The input, for people. */
  show(source: Source): string;
}

export interface LiveKind {
  readonly name: string;
  readonly decodes: false;
  /** Sends the inputs of a batch. @throws Fault */
  send(target: Target, batch: readonly Source[]): Promise<void>;
  show(source: Source): string;
}

/** Something that must not happen. */
export class Fault extends Error {
  /** The number of the input that caused it, if it is known. */
  readonly index: number | undefined;

  constructor(index: number | undefined, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'Fault';
    this.index = index;
  }
}

/** Bytes for people: printable ASCII as it is, other bytes escaped. */
export function shown(bytes: Uint8Array | string): string {
  const text = Buffer.from(bytes as string).toString('latin1');
  const escaped = text.replace(
    /[^ -[\]-~]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return escaped.length > 4000 ? `${escaped.slice(0, 4000)}… (${text.length} bytes)` : escaped;
}

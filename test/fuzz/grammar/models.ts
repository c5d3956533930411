import type { Model } from '../../codec/arbitraries.ts';

/** Short names for the parts of a value of both encodings. */
export const str = (value: string): Model => ({ type: 'str', value: value.toWellFormed() });
export const int = (value: number): Model => ({ type: 'int', value: BigInt(value) });
export const literal = (value: null | boolean): Model => ({ type: 'literal', value });
export const list = (items: Model[]): Model => ({ type: 'array', items });
export const map = (members: [string, Model][]): Model => ({ type: 'map', members });

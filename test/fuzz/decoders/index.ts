import type { DecoderKind } from '../kind.ts';
import { announcement } from './announcement.ts';
import { envelope } from './envelope.ts';
import { json } from './json.ts';
import { msgpack } from './msgpack.ts';

export const DECODERS: readonly DecoderKind[] = [json, msgpack, envelope, announcement];

import type { Subcommand } from '../subcommand.ts';
import { capacity } from './capacity.ts';
import { check } from './check.ts';
import { cleanup } from './cleanup.ts';
import { complete } from './complete.ts';
import { completion } from './completion.ts';
import { del } from './del.ts';
import { explain } from './explain.ts';
import { flush } from './flush.ts';
import { get } from './get.ts';
import { help } from './help.ts';
import { invalidate } from './invalidate.ts';
import { keys } from './keys.ts';
import { licenses } from './licenses.ts';
import { load } from './load.ts';
import { loadPart } from './load-part.ts';
import { mark, marks, sources, unmark } from './marks.ts';
import { mget } from './mget.ts';
import { replay } from './replay.ts';
import { serve } from './serve.ts';
import { serveProcess } from './serve-process.ts';
import { set } from './set.ts';
import { stats } from './stats.ts';
import { token } from './token.ts';
import { top } from './top.ts';
import { ttl } from './ttl.ts';
import { warmup } from './warmup.ts';
import { watch } from './watch.ts';

/** All subcommands, in the order of the help text. A new subcommand is a file in this directory and a row here. */
export const SUBCOMMANDS: readonly Subcommand[] = [
  serve,
  check,
  get,
  mget,
  set,
  del,
  ttl,
  keys,
  watch,
  explain,
  stats,
  top,
  invalidate,
  cleanup,
  flush,
  warmup,
  mark,
  marks,
  unmark,
  sources,
  token,
  load,
  replay,
  capacity,
  completion,
  licenses,
  help,
  complete,
  loadPart,
  serveProcess,
];

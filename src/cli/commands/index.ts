import type { Subcommand } from '../subcommand.ts';
import { help } from './help.ts';
import { serve } from './serve.ts';
import { warmup } from './warmup.ts';

/** All subcommands, in the order of the help text. A new one is a file here and a row. */
export const SUBCOMMANDS: readonly Subcommand[] = [serve, warmup, help];

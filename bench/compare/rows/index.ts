import type { Row } from '../row.ts';
import { allocation } from './allocation.ts';
import { instructions } from './instructions.ts';
import { get, get1k, get1k16, get1k64, get16, get64 } from './l1-hit.ts';
import { getL2, load1, load8, load64 } from './l2-hit.ts';
import { besideLarge, halfKnee } from './latency.ts';
import { metrics, metrics16 } from './metrics.ts';
import { put } from './put.ts';
import { start } from './start.ts';
import { wsGetJson, wsGetMsgpack, wsMget } from './websocket.ts';
import { young } from './young.ts';

/** In the order of the document. */
export const ROWS: readonly Row[] = [
  ...[get, get16, get64, get1k, get1k16, get1k64],
  ...[getL2, load64, load8, load1, put],
  ...[wsGetJson, wsGetMsgpack, wsMget],
  ...[metrics, metrics16, instructions, allocation],
  ...[halfKnee, besideLarge, young, start],
];

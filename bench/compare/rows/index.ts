import type { Row } from '../row.ts';
import { fanOut } from './fan-out.ts';
import { instructions } from './instructions.ts';
import { l1Hits } from './l1-hit.ts';
import { push } from './push.ts';
import { getL2, load1, load64, put } from './redis.ts';
import { start } from './start.ts';
import { wsGetJson, wsGetMsgpack, wsMget, wsMgetIds } from './websocket.ts';

/** In the order of the document. */
export const ROWS: readonly Row[] = [
  ...l1Hits,
  ...[getL2, load64, load1, put],
  ...[wsGetJson, wsGetMsgpack, wsMget, wsMgetIds],
  ...instructions,
  ...[push, fanOut, start],
];

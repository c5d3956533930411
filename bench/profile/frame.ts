/** What a function of a profile is called in the tables, and which of their groups it belongs to. */
import type { Runtime } from 'node:inspector';

export type Frame = Runtime.CallFrame;

/** What runs while no function does. V8 calls it idle as soon as the event loop polls, although uWS works then too. */
export const OUTSIDE = 'uWS, libuv and the kernel, outside of functions';
export const COLLECTOR = 'garbage collector';
const UWS = 'uWS and the kernel, called by src';
const NODE = 'Node, and the kernel called by it';
const BENCH = 'the benchmark itself';

const ROOT = new URL('../..', import.meta.url).href;
/** V8 knows a native function by its address, and calls it by the last of its names. */
const OTHER_NAMES: Readonly<Record<string, string>> = { collect: 'cork' };

export interface Named {
  readonly what: string;
  readonly group: string;
}

/** @param caller the nearest function around it that is not native */
export function named(frame: Frame, caller: Frame | undefined): Named {
  const name = frame.functionName || '(anonymous)';
  if (!isNative(frame))
    return { what: `${name}, ${fileOf(frame)}:${frame.lineNumber + 1}`, group: groupOf(frame) };
  if (name === '(garbage collector)') return { what: name, group: COLLECTOR };
  if (name.startsWith('(') && caller === undefined) return { what: name, group: OUTSIDE };
  const by = caller === undefined ? NODE : groupOf(caller);
  const where = caller === undefined ? '' : `, called by ${fileOf(caller)}`;
  return { what: `${OTHER_NAMES[name] ?? name}, native${where}`, group: by.startsWith('src') ? UWS : by };
}

export function isNative({ url }: Frame): boolean {
  return url === '';
}

function groupOf(frame: Frame): string {
  if (frame.url.startsWith('node:')) return NODE;
  const file = fileOf(frame);
  const [folder, ...rest] = file.split('/');
  if (!frame.url.includes('/node_modules/')) {
    if (folder !== 'src') return BENCH;
    return rest.length > 1 ? `src/${rest[0]}` : 'src';
  }
  return folder!.startsWith('@') ? `${folder}/${rest[0]}` : folder!;
}

/** From the root of the project, or the name of the package on. */
function fileOf({ url }: Frame): string {
  const inPackage = url.lastIndexOf('/node_modules/');
  if (inPackage >= 0) return url.slice(inPackage + '/node_modules/'.length);
  return url.startsWith(ROOT) ? url.slice(ROOT.length) : url;
}

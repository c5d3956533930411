/**
 * The second program of the single binary: the code that only some subcommands need, such as the load tests. It is an
 * asset, so the snapshot that every start begins with does not hold it.
 */
import { getAsset } from 'node:sea';
import { compileFunction } from 'node:vm';

/** The name of the asset. */
export const TOOLS = 'tools.cjs';

/** From a file of the sources to what loads it. */
export type Tools = Readonly<Record<string, () => unknown>>;

let tools: Tools | undefined;

/** The module of this file; the first call compiles the program. */
export function tool(file: string): unknown {
  tools ??= load();
  return tools[file]!();
}

function load(): Tools {
  const module = { exports: {} };
  compileFunction(getAsset(TOOLS, 'utf8'), ['module', 'require'], { filename: TOOLS })(module, builtin);
  return module.exports as Tools;
}

function builtin(id: string): object {
  const found = process.getBuiltinModule(id);
  if (found === undefined) throw new Error(`the single binary has no module ${id}`);
  return found;
}

import type { Operation } from './suite.ts';

type Loop = (op: Operation, from: number, count: number) => number | Promise<number>;

let made = 0;

/**
 * A loop that calls an operation `count` times and adds up its results, compiled for one benchmark alone. A loop that all
 * benchmarks shared would see many operations, and V8 would then inline none of them. The number in its name keeps V8
 * from reusing the code that it has compiled before.
 */
export function compileLoop(isAsync: boolean): Loop {
  const [prefix, call] = isAsync ? ['async ', 'await op(i)'] : ['', 'op(i)'];
  return new Function(`return ${prefix}function loop${made++}(op, from, count) {
    let sum = 0;
    for (let i = from, end = from + count; i < end; i++) sum += ${call};
    return sum;
  }`)();
}

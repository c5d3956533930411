/**
 * What is measured. `i` counts the calls. What it gives is made from the result of its work and added up, so that
 * no compiler can leave the work out.
 */
export type Operation = (i: number) => number;
export type AsyncOperation = (i: number) => Promise<number>;

/** Calls the operation `count` times, from call number `from` on; gives the sum of what it gave. */
export type Loop = (op: Operation, from: number, count: number) => number;
export type AsyncLoop = (op: AsyncOperation, from: number, count: number) => Promise<number>;

let made = 0;

/**
 * A loop of its own for each benchmark. A loop that all shared would see many operations, and the engine would
 * then inline none of them: that costs more than what is measured here, and it would depend on the order of the
 * benchmarks. The number in the text keeps the engine from giving out the one it has compiled before.
 */
export function freshLoop(): Loop {
  return compile(`
    let sum = 0;
    for (let i = from, end = from + count; i < end; i++) sum += op(i);
    return sum;`) as Loop;
}

/** The same for what is awaited, one after another. */
export function freshAsyncLoop(): AsyncLoop {
  return compile(
    `
    let sum = 0;
    for (let i = from, end = from + count; i < end; i++) sum += await op(i);
    return sum;`,
    'async ',
  ) as AsyncLoop;
}

function compile(body: string, prefix = ''): unknown {
  return new Function(`return ${prefix}function loop${made++}(op, from, count) {${body}}`)();
}

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fuzzer } from './fuzz.ts';
import { KINDS } from './kinds.ts';

/**
 * Declares a test of each kind with the first inputs of a seed.
 * @param inputs how many of each kind; the machine's speed decides only how long they take
 */
export function testInputs(seed: number, inputs: { readonly decoder: number; readonly live: number }): void {
  const fuzzer = new Fuzzer();
  after(() => fuzzer.close());
  for (const kind of KINDS) {
    const count = kind.decodes ? inputs.decoder : inputs.live;
    test(`no input of the kind ${kind.name} does harm`, async () => {
      const report = await fuzzer.run(kind, { seed, from: 0, count });
      if (report === undefined) return;
      assert.fail(`${report.message}\nreplay: make fuzz ARGS="${report.replay}"\n${report.input ?? ''}`);
    });
  }
}

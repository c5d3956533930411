import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fuzzer } from './fuzz.ts';
import { KINDS } from './kinds.ts';

const SEED = 2;
/** How many inputs of a kind; the machine's speed decides only how long they take. */
const DECODER_INPUTS = 10_000;
const LIVE_INPUTS = 4000;

const fuzzer = new Fuzzer();
after(() => fuzzer.close());

for (const kind of KINDS)
  test(`no input of the kind ${kind.name} does harm`, async () => {
    const count = kind.decodes ? DECODER_INPUTS : LIVE_INPUTS;
    const report = await fuzzer.run(kind, { seed: SEED, from: 0, count });
    if (report === undefined) return;
    assert.fail(`${report.message}\nreplay: make fuzz ARGS="${report.replay}"\n${report.input ?? ''}`);
  });

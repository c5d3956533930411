/** `make fuzz`: sends inputs from grammars, valid and damaged, to every reader of foreign bytes. A seed makes the inputs. */
import { parseArgs } from 'node:util';
import { Fuzzer } from './fuzz.ts';
import type { Kind } from './kind.ts';
import { KINDS } from './kinds.ts';

const HELP = `make fuzz ARGS="[options]": fuzzes decoders, and a real service with a real Redis

  --inputs N   inputs of all kinds together (default 20000)
  --kind A,B   only these kinds: ${KINDS.map(({ name }) => name).join(', ')}
  --seed N     the seed of the inputs (default: random; the report names it)
  --only K     input K of one kind and seed: shows it, and sends it alone
  --from K     the first input (default 0)
`;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '20000' },
    kind: { type: 'string', default: KINDS.map(({ name }) => name).join(',') },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else process.exit((await run()) ? 0 : 1);

async function run(): Promise<boolean> {
  const kinds = values.kind.split(',').map(kindNamed);
  const seed = whole(values.seed, 'seed');
  const range =
    values.only === undefined
      ? {
          seed,
          from: whole(values.from, 'from'),
          count: Math.ceil(whole(values.inputs, 'inputs') / kinds.length),
        }
      : { seed, from: whole(values.only, 'only'), count: 1 };
  const fuzzer = new Fuzzer();
  let faults = 0;
  try {
    for (const kind of kinds) {
      const begin = performance.now();
      const report = await fuzzer.run(kind, range);
      const seconds = (performance.now() - begin) / 1000;
      if (report === undefined) {
        const rate = Math.round(range.count / seconds);
        print(`${kind.name}: ${range.count} inputs of seed ${seed}, ${rate} a second, no fault`);
        continue;
      }
      faults++;
      print(`${kind.name}: FAULT: ${report.message}\nreplay: make fuzz ARGS="${report.replay}"`);
      if (report.input !== undefined) print(`input:\n${report.input}`);
    }
  } finally {
    await fuzzer.close();
  }
  return faults === 0;
}

function kindNamed(name: string): Kind {
  const kind = KINDS.find((each) => each.name === name);
  if (kind === undefined)
    throw new Error(`unknown kind ${name}; expected ${KINDS.map((each) => each.name).join(', ')}`);
  return kind;
}

function whole(text: string, name: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${name} expects a whole number, not ${text}`);
  return Number(text);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

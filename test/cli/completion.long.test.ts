import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type CompletionDirectory, completionDirectory } from './completion-shell.ts';

let place: CompletionDirectory;
before(async () => {
  place = await completionDirectory();
});
after(() => place?.remove());

// What bash hands over: it takes = for a word, and the last word is the one under the cursor.
const IN_BASH: readonly (readonly [words: string, offered: string])[] = [
  ['lo', 'load'],
  ['load re', 'read-heavy redis-down'],
  ['load smoke re', 'read-heavy redis-down'],
  ['load --se', '--seconds --seed'],
  ['load --seconds 5 smo', 'smoke'],
  ['warmup --format ""', 'auto ibkr ndjson'],
  ['warmup --format =', 'auto ibkr ndjson'],
  ['warmup --format = nd', 'ndjson'],
  ['invalidate a:1 --type vol', 'volatility'],
  ['serve --log-level w', 'warn'],
  ['serve --standalone = t', 'true'],
  ['help inv', 'invalidate'],
  ['completion ""', 'bash zsh fish'],
  ['--v', '--version'],
  // Anything may stand there, so that bash offers files.
  ['warmup ""', ''],
  ['check --url ""', ''],
  ['nonsense ""', ''],
];

test('bash completes subcommands, flags and values, without other packages, and evaluates nothing', async () => {
  const lines = await place.shell(
    'bash',
    ['--norc'],
    `source <(ratecache completion bash)
source <(ratecache completion bash)   # A shell that reads its start-up file again.
offered() { COMP_WORDS=(ratecache "$@"); COMP_CWORD=$#; _ratecache ratecache; echo "\${COMPREPLY[*]}"; }
${IN_BASH.map(([words]) => `offered ${words}`).join('\n')}
offered '$(touch evaluated)' ''
complete -p ratecache
`,
  );
  const registered = lines.pop();
  assert.match(registered!, /-o default .*-F _ratecache ratecache/);
  assert.equal(lines.pop(), '');
  assert.ok(!(await readdir(place.dir)).includes('evaluated'));
  assert.deepEqual(
    lines.map((line, i) => [IN_BASH[i]?.[0], line]),
    IN_BASH,
  );
});

test('an unknown shell is a command line error', async () => {
  const { code, stderr } = await runMain(['completion', 'tcsh']);
  assert.equal(code, 64);
  assert.match(stderr, /bash, zsh, fish/);
});

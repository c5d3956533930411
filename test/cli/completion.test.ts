import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { runMain } from '../../loadtest/target/run-main.ts';
import { self } from '../../src/cli/self.ts';

/** In it a `ratecache` for the PATH, and a file that could be meant. */
let dir: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ratecache-completion-'));
  const { command, args } = self();
  const program = join(dir, 'ratecache');
  await writeFile(program, `#!/bin/sh\nexec '${command}' ${args.map((arg) => `'${arg}'`).join(' ')} "$@"\n`);
  await chmod(program, 0o755);
  await writeFile(join(dir, 'usa.txt'), '');
});
after(() => rm(dir, { recursive: true, force: true }));

async function shell(name: string, args: readonly string[], script: string): Promise<string[]> {
  const env = { HOME: dir, TERM: 'xterm', PATH: `${dir}${delimiter}${process.env.PATH}` };
  const file = join(dir, `script.${name}`);
  await writeFile(file, script);
  const { stdout } = await promisify(execFile)(name, [...args, file], { cwd: dir, env, timeout: 150_000 });
  return stdout.trimEnd().split('\n');
}

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
  const lines = await shell(
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
  assert.ok(!(await readdir(dir)).includes('evaluated'));
  assert.deepEqual(
    lines.map((line, i) => [IN_BASH[i]?.[0], line]),
    IN_BASH,
  );
});

test('fish completes subcommands with what they do, flags, values and files', async () => {
  const lines = await shell(
    'fish',
    ['--no-config'],
    `ratecache completion fish | source
complete -C 'ratecache inv'
complete -C 'ratecache load re'
complete -C 'ratecache warmup --format=n'
complete -C 'ratecache load --se'
complete -C 'ratecache warmup us'
`,
  );
  assert.deepEqual(lines, [
    'invalidate\tdelete keys from Redis and from every local cache',
    'read-heavy',
    'redis-down',
    '--format=ndjson',
    '--seconds\tseconds that each profile is measured; default of the profile',
    '--seed\tseed of the data and of the order of requests',
    'usa.txt',
  ]);
});

test('zsh completes subcommands, flags, values and files at a terminal', async () => {
  const lines = await shell(
    'zsh',
    ['-f'],
    `zmodload zsh/zpty
# Types a line and a tab at a zsh of its own, and waits for what must appear.
completes() {
  zpty typing zsh -f -i
  zpty -w typing 'autoload -Uz compinit; compinit -D -u; source <(ratecache completion zsh); PS1="RE""ADY>"'
  zpty -r -m typing seen '*READY>*'
  zpty -w -n typing "$1"$'\\t'
  zpty -r -m typing seen "*$2*" && print -r -- "$1"
  zpty -d typing
}
completes 'ratecache inv' invalidate
completes 'ratecache warmup --format=nd' ndjson
completes 'ratecache load re' redis-down
completes 'ratecache warmup us' usa.txt
completes 'ratecache ' 'health of a running service'
`,
  );
  assert.equal(lines.length, 5);
});

test('a shell that is not known is a mistake on the command line', async () => {
  const { code, stderr } = await runMain(['completion', 'tcsh']);
  assert.equal(code, 64);
  assert.match(stderr, /bash, zsh, fish/);
});

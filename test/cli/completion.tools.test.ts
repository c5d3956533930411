import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CompletionDirectory, completionDirectory } from './completion-shell.ts';

let place: CompletionDirectory;
before(async () => {
  place = await completionDirectory();
});
after(() => place?.remove());

test('fish completes subcommands with their purpose, flags, values and files', async () => {
  const lines = await place.shell(
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
  const lines = await place.shell(
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

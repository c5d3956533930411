/** `ratecache mark`, `marks`, `unmark` and `sources`. */
import type { markView } from '../http/marks.ts';
import type { sourceView } from '../http/sources.ts';
import { property } from '../service-answer.ts';
import { type Answer, callService, type Question, unexpected } from './call-service.ts';
import { EXIT_USAGE, Failure } from './exits.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { printable } from './printable.ts';
import { serviceToken } from './service-token.ts';

type MarkView = ReturnType<typeof markView>;
type SourceView = ReturnType<typeof sourceView>;

export interface Selected {
  readonly type?: readonly string[];
  readonly prefix?: readonly string[];
}

interface CallOptions extends ServiceOptions, OutputOptions {}

export interface MarkOptions extends CallOptions, Selected {
  readonly halted?: boolean;
  readonly suspect?: boolean;
  readonly reason: string;
  readonly ttl: number;
}

export interface UnmarkOptions extends CallOptions, Selected {
  readonly id?: string;
}

export async function mark(keys: readonly string[], options: MarkOptions): Promise<void> {
  const { halted, suspect, reason, ttl } = options;
  if (halted === suspect) throw new Failure('expected either --halted or --suspect', EXIT_USAGE);
  const body = { ...selectionOf(keys, options), state: halted ? 'halted' : 'suspect', reason, ttl };
  const answer = await ask(options, { path: '/v1/marks', body }, 201);
  print(options, answer, () => `${lineOf(answer.body as MarkView)}\n`);
}

export async function listMarks(options: CallOptions): Promise<void> {
  const answer = await ask(options, { path: '/v1/marks' });
  const marks = property(answer.body, 'marks') as readonly MarkView[];
  print(options, answer, () => marks.map((each) => `${lineOf(each)}\n`).join('') || 'no marks\n');
}

export async function unmark(keys: readonly string[], options: UnmarkOptions): Promise<void> {
  const { id } = options;
  const question: Omit<Question, 'timeoutMs' | 'token'> =
    id === undefined
      ? { path: '/v1/unmark', body: selectionOf(keys, options) }
      : { path: `/v1/marks/${encodeURIComponent(id)}`, method: 'DELETE' };
  const answer = await ask(options, question);
  print(options, answer, () => `${property(answer.body, 'removed')} removed\n`);
}

export async function listSources(options: CallOptions): Promise<void> {
  const answer = await ask(options, { path: '/v1/sources' });
  const sources = property(answer.body, 'sources') as readonly SourceView[];
  const line = ({ name, state, types, prefixes, heartbeat_at: at, ttl }: SourceView) =>
    `${state.padEnd(6)} ${name}  last heartbeat ${at}, every ${ttl} s at most  ${namesOf({ keys: [], types, prefixes })}\n`;
  print(options, answer, () => sources.map(line).join('') || 'no sources\n');
}

function selectionOf(keys: readonly string[], { type = [], prefix = [] }: Selected) {
  if (keys.length + type.length + prefix.length === 0)
    throw new Failure('expected keys, --type or --prefix', EXIT_USAGE);
  return { keys, types: type, prefixes: prefix };
}

async function ask(
  { url, timeout: timeoutMs, tokenFile }: CallOptions,
  question: Omit<Question, 'timeoutMs' | 'token'>,
  expected = 200,
): Promise<Answer> {
  const answer = await callService(url, { ...question, timeoutMs, token: serviceToken(tokenFile) });
  if (answer.status !== expected || answer.body === undefined) throw unexpected(url, answer);
  return answer;
}

function print(options: CallOptions, { text }: Answer, human: () => string): void {
  process.stdout.write(wantsJson(options) ? `${text}\n` : human());
}

function lineOf(mark: MarkView): string {
  return `${mark.id}  ${mark.state.padEnd(7)}  until ${mark.ends_at}  ${namesOf(mark)}: ${printable(mark.reason)}`;
}

/** The first names of a selection, for one line. */
export function namesOf({ keys, types, prefixes }: Pick<MarkView, 'keys' | 'types' | 'prefixes'>): string {
  const names = [...keys, ...types.map((type) => `type ${type}`), ...prefixes.map((prefix) => `${prefix}*`)];
  const shown = names.slice(0, 5).map(printable).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

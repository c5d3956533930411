/** Tables of the replicas, and of the servers of Redis. */
import { named, sentence } from './bidi.ts';
import { element, row, setText, showItems, table } from './dom.ts';
import { duration, NONE } from './format.ts';
import type { Health, Others, ReplicasAnswer, ServerHealth } from './types.ts';

const REPLICAS = ['Replica', 'Coherence', '#Lag', 'Host', '#Process', 'Version'];
const SERVERS = ['Server', 'State', '#Answers in', 'Breaker', 'Version', '#Memory', '#Clients'];

/** Writes the texts of a row. The cell `stateAt` has the class of its text too. */
export function fillRow(target: HTMLTableRowElement, texts: readonly string[], stateAt?: number): void {
  for (const [i, text] of texts.entries()) setText(target.cells[i]!, text);
  if (stateAt !== undefined) target.cells[stateAt]!.className = `state ${texts[stateAt]!}`;
}

export class Replicas {
  readonly #table = table('Replicas', REPLICAS);
  readonly #note = element('p', { class: 'muted' });

  constructor(place: HTMLElement) {
    place.append(this.#table.box, this.#note);
  }

  show({ replicas, others }: ReplicasAnswer): void {
    const [own] = replicas;
    showItems(
      this.#table.body,
      replicas,
      () => row(REPLICAS),
      (target, each) => {
        const { replica, host, pid, release, coherence, lag_ms } = each;
        const name = each === own ? `${replica} (answers)` : replica;
        fillRow(target, [name, coherence, duration(lag_ms), named(host), String(pid), release], 1);
      },
    );
    setText(this.#note, othersText(others));
  }
}

/** What happened to the question to the other replicas. */
export function othersText({ asked, reason, silent, missing }: Others): string {
  if (!asked) return `Other replicas were not asked: ${reason}.`;
  if (silent === 0) return 'Every replica answered.';
  const known = missing.map(({ host, replica }) => `${named(host)} (${replica})`).join(', ');
  return `${silent} subscriber${silent === 1 ? '' : 's'} of the channel did not answer.${known && ` Missing: ${known}.`}`;
}

export class Servers {
  readonly #table = table('Redis', SERVERS);
  readonly #note = element('p', { class: 'muted' });

  constructor(place: HTMLElement) {
    place.append(this.#table.box, this.#note);
  }

  show({ mode, redis, coherence }: Health): void {
    const servers: readonly ServerHealth[] =
      mode === 'standalone' ? [] : (redis.servers ?? [{ ...redis, server: 'Redis', coherence }]);
    showItems(
      this.#table.body,
      servers,
      () => row(SERVERS),
      (target, server) => fillRow(target, cells(server), 1),
    );
    const faults = servers.flatMap(({ server, error }) =>
      error === undefined ? [] : `${server}: ${sentence(error)}`,
    );
    setText(
      this.#note,
      mode === 'standalone' ? 'The service is standalone: it uses no Redis.' : faults.join(' '),
    );
  }
}

function cells({
  server,
  connected,
  coherence,
  response_time_ms,
  breaker,
  server_info,
}: ServerHealth): string[] {
  return [
    server ?? 'Redis',
    connected ? (coherence ?? 'coherent') : 'unreachable',
    duration(response_time_ms),
    breaker ?? NONE,
    server_info.redis_version ?? NONE,
    server_info.used_memory_human ?? NONE,
    server_info.connected_clients === undefined ? NONE : String(server_info.connected_clients),
  ];
}

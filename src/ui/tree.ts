/** A value as a tree. Members are created when their parent is opened, so large values cost little. */
import { button, element } from './dom.ts';
import { visible } from './format.ts';
import { cut, ExactNumber, textOf } from './json.ts';

/** Levels that are open at first. */
const OPEN_LEVELS = 2;
/** Members that are shown at a time. */
const PAGE = 100;
const PREVIEW_CHARACTERS = 60;

export function tree(value: unknown): HTMLElement {
  return element('div', { class: 'tree' }, node('value', value, 0));
}

function node(name: string, value: unknown, level: number): HTMLElement {
  const members = membersOf(value);
  if (members === undefined) return element('div', { class: 'leaf' }, label(name), leaf(value));
  const kind = Array.isArray(value) ? 'items' : 'members';
  const note = `${members.length} ${members.length === 1 ? kind.slice(0, -1) : kind}`;
  const preview = level < OPEN_LEVELS ? '' : ` ${cut(visible(textOf(value)), PREVIEW_CHARACTERS)}`;
  const summary = element('summary', {}, label(name), element('span', { class: 'muted' }, note + preview));
  const details = element('details', {}, summary);
  let filled = false;
  details.addEventListener('toggle', () => {
    if (filled || !details.open) return;
    filled = true;
    details.append(branch(members, level + 1));
  });
  details.open = level < OPEN_LEVELS;
  return details;
}

function branch(members: readonly (readonly [string, unknown])[], level: number): HTMLElement {
  const list = element('div', { class: 'branch' });
  let shown = 0;
  const more = button('', () => show());
  const show = () => {
    more.remove();
    list.append(...members.slice(shown, shown + PAGE).map(([name, value]) => node(name, value, level)));
    shown += PAGE;
    if (shown >= members.length) return;
    more.textContent = `Show ${Math.min(PAGE, members.length - shown)} more of ${members.length}`;
    list.append(more);
  };
  show();
  return list;
}

function membersOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return undefined;
  return Object.entries(value);
}

function label(name: string): HTMLElement {
  return element('span', { class: 'name' }, `${visible(name)}: `);
}

function leaf(value: unknown): HTMLElement {
  const kind = value === null ? 'null' : value instanceof ExactNumber ? 'number' : typeof value;
  return element('span', { class: `json ${kind}` }, visible(textOf(value)));
}

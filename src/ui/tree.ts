/** A value as a tree. Members are created when their parent is opened, so large values cost little. */
import { json, named } from './bidi.ts';
import { button, element, setText } from './dom.ts';
import { count } from './format.ts';
import { ExactNumber, textOf } from './json.ts';

/** Levels that are open at first. */
const OPEN_LEVELS = 2;
/** Members that are shown at a time. */
const PAGE = 100;
const PREVIEW_CHARACTERS = 60;
/** Longer texts are cut until the reader asks for the rest. */
const LEAF_CHARACTERS = 2000;

type Member = readonly [name: string, value: unknown];

export interface TreeView {
  readonly box: HTMLElement;
  /** The paths of the members that are open, as the reader opens and closes them. */
  readonly open: Set<string>;
}

/** @param open the members that are open at first; the upper levels by default */
export function tree(value: unknown, open?: ReadonlySet<string>): TreeView {
  const view = { open: new Set<string>() };
  const isOpen = (path: string, level: number) => (open === undefined ? level < OPEN_LEVELS : open.has(path));

  const node = ([name, each]: Member, parent: string, level: number): HTMLElement => {
    const members = membersOf(each);
    if (members === undefined) return element('div', { class: 'leaf' }, label(name), leaf(each));
    const path = `${parent}/${name}`;
    const summary = element('summary', {}, label(name), note(each, members.length, level));
    const details = element('details', {}, summary);
    let filled = false;
    const fill = () => {
      if (!details.open) return view.open.delete(path);
      view.open.add(path);
      if (filled) return;
      filled = true;
      details.append(branch(members, (member) => node(member, path, level + 1)));
    };
    details.addEventListener('toggle', fill);
    details.open = isOpen(path, level);
    // At once: the event comes later, and the scroll position would be lost.
    fill();
    return details;
  };

  const box = element('div', { class: 'tree' }, node(['value', value], '', 0));
  return { ...view, box };
}

/** The first members, with a button for more. */
function branch(members: readonly Member[], node: (member: Member) => HTMLElement): HTMLElement {
  const list = element('div', { class: 'branch' });
  let shown = 0;
  const more = button('', () => show());
  const show = () => {
    more.remove();
    list.append(...members.slice(shown, shown + PAGE).map(node));
    shown += PAGE;
    if (shown >= members.length) return;
    more.textContent = `Show ${Math.min(PAGE, members.length - shown)} more of ${count(members.length)}`;
    list.append(more);
  };
  show();
  return list;
}

function membersOf(value: unknown): readonly Member[] | undefined {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return undefined;
  return Object.entries(value);
}

function label(name: string): HTMLElement {
  return element('span', { class: 'name' }, `${named(name)}: `);
}

/** How many members a value has, and how its text begins. */
function note(value: unknown, members: number, level: number): HTMLElement {
  const kind = Array.isArray(value) ? 'item' : 'member';
  const size = `${count(members)} ${kind}${members === 1 ? '' : 's'}`;
  const preview = level < OPEN_LEVELS ? '' : ` ${json(textOf(value, PREVIEW_CHARACTERS))}`;
  return element('span', { class: 'muted' }, size + preview);
}

function leaf(value: unknown): HTMLElement {
  const kind = value === null ? 'null' : value instanceof ExactNumber ? 'number' : typeof value;
  const text = textOf(value);
  const shown = element('span', { class: `json ${kind}` });
  if (text.length <= LEAF_CHARACTERS) {
    setText(shown, json(text));
    return shown;
  }
  const all = button(`Show all ${count(text.length)} characters`, () => setText(shown, json(text)));
  shown.append(element('span', {}, json(textOf(value, LEAF_CHARACTERS))), ' ', all);
  return shown;
}

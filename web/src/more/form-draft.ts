// What somebody has typed and not saved. Drafts outlive the page they were typed on: an alarm must never have to wait for
// a question about a form, so leaving asks nothing and loses nothing. They end with the session, and with the tab, which asks.
import { effect, signal } from '@preact/signals';
import { Problem } from '../api/client.ts';
import { me } from '../ui/state.ts';

export interface Draft<T> {
  readonly base: T; // as it was read
  readonly mine: T;
}

const drafts = signal<ReadonlyMap<string, Draft<unknown>>>(new Map());

export const unsaved = drafts; // by address, as "teams/north"

export function draftOf<T>(at: string): Draft<T> | undefined {
  return drafts.value.get(at) as Draft<T> | undefined;
}

// keep remembers a draft, or with null forgets it. One that says the same as what was read is none.
export function keep<T>(at: string, draft: Draft<T> | null): void {
  const next = new Map(drafts.value);
  if (draft === null || same(draft.base, draft.mine)) next.delete(at);
  else next.set(at, draft);
  drafts.value = next;
}

effect(() => {
  if (me.value === null) drafts.value = new Map();
});

addEventListener('beforeunload', (e) => {
  if (drafts.value.size > 0) e.preventDefault();
});

// same says whether two values would be sent as the same JSON, whatever the order of their fields.
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sorted) === JSON.stringify(b, sorted);
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// rebased puts what I changed onto what somebody else has saved meanwhile. Fields that I left alone are theirs.
export function rebased<T extends object>(draft: Draft<T>, theirs: T): Draft<T> {
  const mine: T = { ...theirs };
  for (const key of Object.keys(draft.mine) as (keyof T)[]) {
    if (key !== 'version' && !same(draft.base[key], draft.mine[key])) mine[key] = draft.mine[key];
  }
  return { base: theirs, mine };
}

// A Fault is one thing wrong with what was sent. at is the field, as "steps[0].delayS"; "" is the whole.
export interface Fault {
  readonly at: string;
  readonly says: string;
}

// faultsOf lists what a problem says about the fields of the body that was sent.
export function faultsOf(err: unknown): readonly Fault[] {
  if (!(err instanceof Problem)) return [];
  return err.faults.map((f) => ({ at: (f.location ?? '').replace(/^body\.?/, ''), says: f.message ?? '' }));
}

// under finds what is wrong with the field at, or with a part of it.
export function under(faults: readonly Fault[], at: string): readonly Fault[] {
  return faults.filter((f) => f.at === at || f.at.startsWith(`${at}.`) || f.at.startsWith(`${at}[`));
}

// fieldId is the id of the element for the field at.
export function fieldId(at: string): string {
  return `field-${at.replace(/[^\w]+/g, '-')}`;
}

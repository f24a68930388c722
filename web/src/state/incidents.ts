// How the open alarms are arranged: what belongs together under its gravest, what a person has set aside apart, and what
// to show of a flood.
import type { Alarm } from '../api/feed.ts';
import { unattended } from './ring.ts';

export interface Incident {
  readonly lead: Alarm; // the gravest that nobody has; when somebody has them all, the gravest
  readonly rest: readonly Alarm[];
}

export interface Arranged {
  readonly incidents: readonly Incident[]; // in the order of their most urgent alarm
  readonly lesser: readonly Incident[]; // in a flood: those without an alarm of priority 1, at the end and put together
  readonly aside: readonly Alarm[];
  readonly flood: number; // new alarms in ten minutes, when they are more than one person can take in; else 0
}

// Ten new alarms in ten minutes are what one person can take in (EEMUA 191).
export const floodMs = 10 * 60_000;
export const floodMost = 10;

// weight is how grave an alarm is: a call for help by hand outweighs everything.
export function weight(alarm: Alarm): number {
  return alarm.kind === 'sos' || alarm.kind === 'covert-sos' ? 0 : alarm.priority;
}

// arranged arranges open alarms that are in order (inOrder). No alarm is lost: each is in exactly one place.
export function arranged(inOrder: readonly Alarm[], nowMs: number): Arranged {
  const aside: Alarm[] = [];
  const groups = new Map<string, Alarm[]>();
  let recent = 0;
  for (const alarm of inOrder) {
    if (alarm.shelf) {
      aside.push(alarm);
      continue;
    }
    if (nowMs - alarm.raisedAtMs <= floodMs) recent += 1;
    const name = alarm.incident ?? alarm.id;
    const of = groups.get(name);
    if (of) of.push(alarm);
    else groups.set(name, [alarm]);
  }
  const flood = recent > floodMost ? recent : 0;
  const incidents: Incident[] = [];
  const lesser: Incident[] = [];
  for (const alarms of groups.values()) {
    const lead = alarms.reduce((a, b) => (rank(b) < rank(a) ? b : a));
    const one = { lead, rest: alarms.filter((a) => a !== lead) };
    if (flood > 0 && alarms.every((a) => a.priority > 1)) lesser.push(one);
    else incidents.push(one);
  }
  return { incidents, lesser, aside, flood };
}

function rank(alarm: Alarm): number {
  return weight(alarm) + (unattended(alarm) ? 0 : 10);
}

// flat lists every alarm of a in the order in which it is drawn.
export function flat(a: Arranged): readonly Alarm[] {
  return [...[...a.incidents, ...a.lesser].flatMap((i) => [i.lead, ...i.rest]), ...a.aside];
}

// latched says that an alarm's end wants a reason, also when it is back to normal.
export function latched(alarm: Alarm): boolean {
  return weight(alarm) === 0 || alarm.kind === 'fall' || alarm.drill === true;
}

// What may be set aside; the server has the last word.
const nuisances = ['low-battery', 'short-battery', 'technical', 'taken-off', 'zone-left'];

export function shelvable(alarm: Alarm): boolean {
  return nuisances.includes(alarm.kind) && alarm.priority > 1 && alarm.drill !== true && alarm.state === 'active';
}

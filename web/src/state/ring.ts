// Which alarms make a noise.
import type { Alarm } from '../api/feed.ts';
import type { Board } from './board.ts';

// unattended says whether nobody has taken charge of alarm yet, nor set it aside.
export function unattended(alarm: Alarm): boolean {
  return !alarm.shelf && (alarm.state === 'active' || alarm.state === 'pending');
}

// rung lists the alarms of after that must ring because of what changed: new ones, also those raised while nothing was
// heard; help asked for again; an owner who did nothing; the end of a time for which it was set aside.
export function rung(before: Board, after: Board): readonly Alarm[] {
  if (before.alarms === after.alarms) return [];
  const ringing: Alarm[] = [];
  for (const alarm of after.alarms.values()) {
    const was = before.alarms.get(alarm.id);
    if (was === alarm) continue;
    const again = was !== undefined && alarm.presses > was.presses;
    const became =
      unattended(alarm) &&
      (was === undefined || was.state === 'taken' || was.shelf !== undefined || rank(alarm) > rank(was));
    if (again || became) ringing.push(alarm);
  }
  return ringing;
}

function rank(alarm: Alarm): number {
  return alarm.state === 'active' ? 1 : 0;
}

// loud says whether board holds an alarm that goes on sounding until somebody has it: priority 1 and 2, active.
export function loud(board: Board): boolean {
  for (const alarm of board.alarms.values()) {
    if (unattended(alarm) && alarm.state === 'active' && alarm.priority <= 2) return true;
  }
  return false;
}

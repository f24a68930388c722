import type { Alarm, Live, Snapshot, Worker } from '../../src/api/feed.ts';

export const t0 = 1_795_367_926_500; // server's time at the start of every test

export function live(worker: string, version: number, more: Partial<Live> = {}): Live {
  return { insole: `i-${worker}`, worker, heardAtMs: t0, atMs: t0, version, ...more };
}

export function person(worker: string, more: Partial<Worker> = {}): Worker {
  return { worker, name: worker, team: 'north', onShift: true, ...more };
}

export function alarm(id: string, version: number, more: Partial<Alarm> = {}): Alarm {
  return {
    id,
    reference: id.toUpperCase(),
    worker: 'marie',
    workerName: 'Marie D.',
    team: 'north',
    insole: 'i-marie',
    kind: 'sos',
    priority: 1,
    state: 'active',
    sentAtMs: t0,
    raisedAtMs: t0,
    presses: 1,
    step: 1,
    version,
    ...more,
  };
}

export function snap(seq: number, workers: readonly Worker[] = [], alarms: readonly Alarm[] = []): Snapshot {
  return { seq, nowMs: t0, workers, alarms };
}

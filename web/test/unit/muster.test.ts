// Who counts where in an evacuation, and what the live feed changes of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Alarm } from '../../src/api/feed.ts';
import { changeOf, heard, inOrder, merged, newName, type Person, standing, tally } from '../../src/more/muster.ts';

const person = (worker: string, more: Partial<Person> = {}): Person => ({
  worker,
  name: worker,
  team: 'north',
  state: 'waiting',
  version: 1,
  ...more,
});
const alarm = (kind: string): Alarm => ({ kind }) as Alarm;

describe('evacuation', () => {
  test.each([
    ['a call for help before everything else', person('a', { state: 'safe' }), [alarm('sos')], 'help'],
    ['lying on the ground as well', person('a'), [alarm('no-motion')], 'help'],
    [
      'an alarm for not answering is no call for help',
      person('a', { state: 'missing' }),
      [alarm('no-answer')],
      'missing',
    ],
    ['safe', person('a', { state: 'safe', why: 'silent' }), undefined, 'safe'],
    ['not reached', person('a', { why: 'silent' }), undefined, 'unreachable'],
    ['not reached, and too late', person('a', { why: 'silent', state: 'missing' }), [], 'unreachable'],
    ['asked', person('a'), undefined, 'waiting'],
  ] as const)('%s', (_, p, alarms, want) => {
    expect(standing(p, alarms)).toBe(want);
  });

  test('everybody is counted once', () => {
    expect(tally(['safe', 'safe', 'help', 'missing', 'waiting', 'unreachable'])).toEqual({
      safe: 2,
      help: 1,
      noAnswer: 2,
      unreachable: 1,
    });
  });

  test('who must be looked for comes first, then by name', () => {
    const people = [
      person('zoe', { state: 'safe' }),
      person('paul', { why: 'silent' }),
      person('marie'),
      person('luc'),
      person('ines', { state: 'missing' }),
      person('karim'),
    ];
    const lines = inOrder(people, new Map([['karim', [alarm('fall')]]]), new Intl.Collator('fr'));
    expect(lines.map((l) => l.person.worker)).toEqual(['karim', 'ines', 'luc', 'marie', 'paul', 'zoe']);
  });

  test('older news changes nothing, newer news keeps who it is', () => {
    const people = [person('paul', { version: 3, phone: '+33600000001' })];
    expect(heard(people, 'paul', { state: 'safe', version: 3 })).toBe(people);
    expect(heard(people, 'nobody', { state: 'safe', version: 9 })).toBe(people);
    expect(heard(people, 'paul', { state: 'safe', version: 4 })).toEqual([
      { worker: 'paul', name: 'paul', team: 'north', phone: '+33600000001', state: 'safe', version: 4 },
    ]);
    expect(merged([person('paul', { version: 2 })], people)).toEqual(people);
    expect(merged([person('paul', { version: 4 })], people)[0]?.version).toBe(4);
  });

  test('the golden of internal/feed is understood, and what is not about musters is let go', () => {
    const golden = join(import.meta.dirname, '../../../internal/feed/testdata/changes-muster.json');
    const { changes } = JSON.parse(readFileSync(golden, 'utf8')) as { changes: unknown[] };
    expect(changes.map(changeOf)).toEqual([
      { is: 'muster', id: 'fire', version: 3 },
      {
        is: 'person',
        id: 'fire',
        worker: 'marie',
        to: { state: 'safe', feltAtMs: 1795368300100, safeAtMs: 1795368300100, version: 2 },
      },
      {
        is: 'person',
        id: 'fire',
        worker: 'paul',
        to: { state: 'missing', why: 'silent', alarm: 'zk4d5xw3a6bq2f7m', version: 3 },
      },
    ]);
    expect(changeOf({ kind: 'live' })).toBeNull();
    expect(changeOf({ kind: 'summons', summons: { muster: 'fire' } })).toBeNull();
    expect(changeOf(7)).toBeNull();
  });

  test('names are new, and ones that the API takes', () => {
    expect(newName()).toMatch(/^[a-z0-9]{20}$/);
    expect(newName()).not.toBe(newName());
  });
});

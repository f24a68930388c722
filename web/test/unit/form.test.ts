import { describe, expect, test } from 'vitest';
import { Problem } from '../../src/api/client.ts';
import { monthBefore, monthOf } from '../../src/more/admin/months.tsx';
import { contacts, insoles, teams, users, zones } from '../../src/more/admin/nouns.ts';
import { cornersIn, opened, read, sideNear, written } from '../../src/more/admin/ring.ts';
import { changed } from '../../src/more/admin/settings.tsx';
import { newPassword } from '../../src/more/admin/users.tsx';
import { save } from '../../src/more/form.tsx';
import { draftOf, faultsOf, fieldId, keep, rebased, same, under, unsaved } from '../../src/more/form-draft.ts';

describe('drafts', () => {
  const base = { name: 'North', steps: [{ delayS: 0 }], fallback: '', version: 3 };

  test('one that says what was read is none, whatever the order of its fields', () => {
    keep('teams/north', { base, mine: { ...base, name: 'Far north' } });
    expect(draftOf('teams/north')?.mine).toMatchObject({ name: 'Far north' });
    keep('teams/north', { base, mine: { version: 3, fallback: '', name: 'North', steps: [{ delayS: 0 }] } });
    expect(unsaved.value.size).toBe(0);
    expect(same({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
    expect(same({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  });

  test('kept on top of what somebody else saved: what I left alone is theirs', () => {
    const mine = { ...base, name: 'Far north', steps: [{ delayS: 60 }] };
    const theirs = { ...base, steps: [{ delayS: 300 }], fallback: '+33639980009', version: 4 };
    expect(rebased({ base, mine }, theirs)).toEqual({
      base: theirs,
      mine: { name: 'Far north', steps: [{ delayS: 60 }], fallback: '+33639980009', version: 4 },
    });
  });
});

describe('faults', () => {
  const err = new Problem(422, 'invalid', 'Not right', 'x', [
    { location: 'body.steps[0].contacts[1]', message: 'twice' },
    { location: 'body', message: 'nobody' },
  ]);

  test('are found at their field and at what holds it', () => {
    const faults = faultsOf(err);
    expect(faults).toEqual([
      { at: 'steps[0].contacts[1]', says: 'twice' },
      { at: '', says: 'nobody' },
    ]);
    expect(under(faults, 'steps[0].contacts')).toHaveLength(1);
    expect(under(faults, 'steps')).toHaveLength(1);
    expect(under(faults, 'steps[0].contact')).toHaveLength(0);
    expect(faultsOf(new Error('x'))).toEqual([]);
    expect(fieldId('steps[0].delayS')).toBe('field-steps-0-delayS');
  });
});

describe('what is sent', () => {
  test('keeps what this page does not know, and leaves out what the API makes', () => {
    const read = {
      team: 'north',
      name: 'North',
      steps: [{ contacts: ['boss'], channels: ['sms'], later: true }],
      version: 2,
      confirmed: { boss: true },
      settings: { fall: { off: true, later: 7 } },
      hours: null,
      newer: { than: 'this page' },
    };
    const team = teams.decode(read, '');
    expect(team).toMatchObject({ lapseS: 0, repeatS: 300, fallback: '', steps: [{ delayS: 0 }] });
    expect(teams.body(team)).toEqual({
      team: 'north',
      name: 'North',
      steps: [{ delayS: 0, contacts: ['boss'], channels: ['sms'], later: true }],
      lapseS: 0,
      repeatS: 300,
      hours: [],
      outOfHours: [],
      settings: { fall: { off: true, later: 7 } },
      newer: { than: 'this page' },
    });
  });

  test('a password and a language only where there is one; a zone without what is being typed', () => {
    expect(users.body(users.blank())).toEqual({ name: '', email: '', role: 'viewer' });
    expect(users.body({ ...users.blank(), password: 'x', locale: 'fr' })).toMatchObject({
      password: 'x',
      locale: 'fr',
    });
    expect(zones.body({ ...zones.blank(), typed: '1 2' })).toEqual({ name: '', danger: false, ring: [] });
    expect(contacts.body({ ...contacts.blank(), name: 'A' })).toEqual({ name: 'A' });
    expect(insoles.body({ ...insoles.blank(), insole: 'x', version: 1, worker: 'paul' })).toEqual({ worker: 'paul' });
  });

  test('nothing that is there is changed without the version that was read', async () => {
    await expect(save(contacts, 'boss', { ...contacts.blank(), name: 'B' })).rejects.toThrow('without its version');
  });
});

describe('corners', () => {
  const square = [
    [7, 43],
    [7.1, 43],
    [7.1, 43.1],
    [7, 43.1],
    [7, 43],
  ] as const;

  test('are written latitude first, once each, and read back the same', () => {
    expect(written(square)).toBe('43, 7\n43, 7.1\n43.1, 7.1\n43.1, 7');
    expect(read(written(square))).toEqual({ ring: opened(square), faults: [] });
    expect(opened(square)).toHaveLength(4);
    expect(opened([])).toEqual([]);
    expect(opened([[7, 43]])).toEqual([[7, 43]]);
  });

  test.each([
    ['43.5 7.05', [7.05, 43.5]],
    ['  43.5 ;\t7.05 ', [7.05, 43.5]],
    ['43,5; 7,05', [7.05, 43.5]],
    ['43,5 7,05', [7.05, 43.5]],
    ['-33.9, 151.2', [151.2, -33.9]],
    ['+43.5°, 7.05°', [7.05, 43.5]],
    ['(43.5, 7.05)', [7.05, 43.5]],
    ['43, 7', [7, 43]],
  ])('%s', (line, want) => {
    expect(read(line)).toEqual({ ring: [want], faults: [] });
  });

  test.each(['43.5', '43.5 7.05 3', 'north', '91, 7', '43, 181', '43.5, , 7', '43,5,7,05'])('%s is none', (line) => {
    expect(read(`43, 7\n\n${line}`)).toEqual({ ring: [[7, 43]], faults: [3] });
  });

  test('a new one goes into the side it is nearest to', () => {
    const ring = opened(square);
    expect(sideNear(ring, [7.05, 42.99])).toBe(0);
    expect(sideNear(ring, [7.11, 43.05])).toBe(1);
    expect(sideNear(ring, [7.05, 43.2])).toBe(2);
    expect(sideNear(ring, [6.9, 43.05])).toBe(3);
    expect(sideNear([], [7, 43])).toBe(-1);
    expect(sideNear([[7, 43]], [8, 43])).toBe(0);
    expect(
      cornersIn([
        { at: 'ring[2]', says: '' },
        { at: 'ring', says: '' },
      ]),
    ).toEqual([2]);
  });
});

test('a setting that says nothing is none', () => {
  expect(changed(undefined, { off: true })).toEqual({ off: true });
  expect(changed({ off: true, factor: 3 }, { off: false })).toEqual({ factor: 3 });
  expect(changed({ factor: 3 }, { factor: 0 })).toBeNull();
});

test('months go over the turn of the year', () => {
  expect(monthBefore('2026-01', 1)).toBe('2025-12');
  expect(monthBefore('2025-12', -1)).toBe('2026-01');
  expect(monthOf(Date.UTC(2026, 10, 30, 23, 59))).toBe('2026-11');
});

test('a new password is four groups of five that nobody mistakes for each other', () => {
  const made = new Set(Array.from({ length: 50 }, newPassword));
  expect(made.size).toBe(50);
  for (const p of made) expect(p).toMatch(/^[a-hjkmnp-z2-9]{5}(-[a-hjkmnp-z2-9]{5}){3}$/);
});

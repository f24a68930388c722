// The shapes of internal/feed, read from the very files that its Go tests write.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Message, message, others, snapshot } from '../../src/api/feed.ts';
import { applyAll, emptyBoard, merge } from '../../src/state/board.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'internal', 'feed', 'testdata');
const files = readdirSync(folder).filter((f) => f.endsWith('.json'));

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

describe('goldens of internal/feed', () => {
  test('there are some', () => {
    expect(files).toContain('board.json');
    expect(files).toContain('changes-alarm.json');
  });

  test.each(files)('%s is read whole', (file) => {
    const raw = read(file);
    const heard: unknown[] = [];
    const hear = (change: unknown) => void heard.push(change);
    others.add(hear);
    let got: unknown = file.startsWith('board') ? snapshot(raw, '') : message(raw, '');
    others.delete(hear);
    // What is of one page only is heard there, as it was said.
    if (file === 'changes-muster.json') got = { ...(got as object), changes: heard };
    // What the decoder leaves out on purpose: the number of a message that has none.
    const want = structuredClone(raw) as Record<string, unknown>;
    if (want['type'] === 'reconnect' || want['type'] === 'error') delete want['seq'];
    expect(got).toEqual(want);
  });

  test('a board and the changes after it make the board that they say', () => {
    const after = ['changes-live.json', 'changes-alarm.json'].flatMap((file) => {
      const m: Message = message(read(file), '');
      return m.type === 'changes' ? m.changes : [];
    });
    const board = applyAll(merge(emptyBoard, snapshot(read('board.json'), '')), after);
    expect([...board.alarms.keys()]).toEqual(['zk4d5xw3a6bq2f7m']);
    expect(board.ended.get('q2f7mzk4d5xw3a6b')?.reason).toBe('real');
    expect(board.workers.size).toBe(3);
    expect(board.strangers).toBe(false);
  });
});

test('what a page cannot read of a newer server keeps no alarm from the board', () => {
  const raw = read('changes-alarm.json') as { changes: unknown[] };
  const deaf = () => {
    throw new Error('a change of tomorrow');
  };
  others.add(deaf);
  const got = message({ ...raw, changes: [{ kind: 'tomorrow', what: 1 }, ...raw.changes] }, '');
  others.delete(deaf);
  expect(got.type === 'changes' && got.changes.length).toBe(raw.changes.length);
});

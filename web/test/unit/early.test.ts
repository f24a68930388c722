// The answers that are asked for before the page is there belong to whoever was signed in then, once.
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api, Problem, Unreached } from '../../src/api/client.ts';

const page = globalThis as { early?: Map<string, unknown>; document?: unknown };
const script = readFileSync('public/early.js', 'utf8');
const early = () => void runInThisContext(script);

let who: string | null; // is signed in; null: nobody
let asked: string[];
let network: 'up' | 'down' | 'hangs';
let clock: number;

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': status === 200 ? 'application/json' : 'application/problem+json' },
  });

beforeEach(() => {
  who = 'anna';
  asked = [];
  network = 'up';
  clock = 0;
  delete page.early;
  page.document = { documentElement: { lang: 'en' } };
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    asked.push(`${init.method ?? 'GET'} ${path}`);
    if (network === 'down') return Promise.reject(new TypeError('offline'));
    if (network === 'hangs')
      return new Promise((_, no) => init.signal?.addEventListener('abort', () => no(new DOMException('timeout'))));
    if (path === '/api/session') {
      who = init.method === 'POST' ? 'bert' : null;
      return Promise.resolve(json(200, {}));
    }
    if (who === null) return Promise.resolve(json(401, { type: 'signed-out' }));
    if (path === '/api/me') return Promise.resolve(json(200, { user: who, name: who, role: 'viewer' }));
    return Promise.resolve(json(200, { seq: who === 'anna' ? 1 : 2, nowMs: 1, workers: [], alarms: [] }));
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const seen = async () => [(await api.me()).user, (await api.board()).value.seq];

test('asked for once, used once', async () => {
  early();
  expect(await seen()).toEqual(['anna', 1]);
  expect(asked).toEqual(['GET /api/me', 'GET /api/board']);
  await seen();
  expect(asked).toHaveLength(4);
});

test('signed out and in as somebody else within seconds: nothing of the first is left', async () => {
  early();
  clock = 1_000;
  await api.signOut();
  await expect(api.me()).rejects.toThrow(Problem);
  await api.signIn('bert', 'x');
  clock = 2_000;
  expect(await seen()).toEqual(['bert', 2]);
});

test('nobody was signed in: whoever signs in is not told so', async () => {
  who = null;
  early();
  await expect(api.me()).rejects.toThrow(Problem);
  await api.signIn('bert', 'x'); // the board was not asked for in between
  expect(await seen()).toEqual(['bert', 2]);
});

test('a script that comes after the page asks for nothing, and leaves nothing behind', async () => {
  expect(await seen()).toEqual(['anna', 1]);
  early();
  expect(asked).toHaveLength(2);
  await api.signIn('bert', 'x');
  expect(await seen()).toEqual(['bert', 2]);
});

test('too old an answer is asked for again', async () => {
  early();
  who = 'bert';
  clock = 8_000;
  expect(await seen()).toEqual(['bert', 2]);
});

test('without a network it fails like any other request, and is asked for again', async () => {
  network = 'down';
  early();
  await expect(api.me()).rejects.toThrow(Unreached);
  network = 'up';
  expect((await api.me()).user).toBe('anna');
});

test('a network that swallows everything is not waited for for ever', async () => {
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const c = new AbortController();
    queueMicrotask(() => c.abort());
    return c.signal;
  });
  network = 'hangs';
  early();
  await expect(api.me()).rejects.toThrow(Unreached);
  expect(timeout).toHaveBeenCalledWith(8_000);
});

// The screen in a browser, against the fake system: what a supervisor sees and does. `npm run test:browser [name…]` runs
// all, or the tests whose name contains one of the words. Screenshots go to screenshots/. Exits non-zero when a test fails.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { System, serve } from '../fake-server.mjs';
import { tests as admin } from './admin.mjs';
import { open } from './browser.mjs';
import { tests as care } from './care.mjs';
import { tests as duty } from './duty.mjs';
import { tests as musters } from './muster.mjs';
import { tests as replay } from './replay.mjs';
import { tests as status } from './status.mjs';
import { tests as board } from './tests.mjs';
import { tests as why } from './why.mjs';

const shots = join(fileURLToPath(import.meta.url), '..', '..', '..', 'screenshots');
mkdirSync(shots, { recursive: true });
const tests = [...board, ...admin, ...musters, ...care, ...duty, ...status, ...replay, ...why];
const wanted = process.argv.slice(2);
const chosen = tests.filter((t) => wanted.length === 0 || wanted.some((w) => t.name.includes(w)));
const { browser, plain, close } = await open();

let failed = 0;
for (const t of chosen) {
  const system = new System(t.system);
  const server = await serve(system);
  const pages = [];
  const complaints = [];
  const contexts = [];
  const newPage = async (options = {}) => {
    const from = t.plain ? await plain() : browser;
    const { email = 'claire@demo.test', signIn = true, path = '/', ...view } = options;
    const context = await from.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ...view,
    });
    contexts.push(context);
    const page = await context.newPage();
    pages.push(page);
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (e) => complaints.push(`error on the page: ${e.message}`));
    page.on('console', (m) => {
      // The browser itself notes every answer that says no; those are part of the tests. A breach of the CSP is not.
      if (
        m.type() === 'error' &&
        !/Failed to load resource|WebSocket connection to/.test(m.text()) &&
        !(t.expects ?? /^$/).test(m.text())
      )
        complaints.push(m.text());
    });
    page.on('request', (r) => {
      if (!r.url().startsWith(server.url) && !r.url().startsWith('blob:') && !r.url().startsWith('data:'))
        complaints.push(`foreign request: ${r.url()}`);
    });
    await page.goto(server.url + path);
    if (signIn) {
      await page.fill('[name=email]', email);
      await page.fill('[name=password]', 'demo');
      await page.click('[type=submit]');
      await page.waitForSelector('#board[data-mode]');
    }
    return page;
  };
  const began = performance.now();
  try {
    await t.run({
      system,
      server,
      newPage,
      shot: (page, name) => page.screenshot({ path: join(shots, `${name}.png`) }),
    });
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    console.log(`ok   ${t.name} (${Math.round(performance.now() - began)} ms)`);
  } catch (err) {
    failed += 1;
    console.log(`FAIL ${t.name}\n     ${String(err?.stack ?? err).replaceAll('\n', '\n     ')}`);
    for (const c of complaints) console.log(`     page: ${c}`);
    await Promise.all(
      pages.map((p, i) =>
        p.screenshot({ path: join(shots, `failed-${t.name.replace(/\W+/g, '-')}-${i}.png`) }).catch(() => undefined),
      ),
    );
  }
  await Promise.all(contexts.map((c) => c.close().catch(() => undefined)));
  await server.close();
}
await close();
console.log(failed === 0 ? `${chosen.length} tests passed` : `${failed} of ${chosen.length} tests failed`);
process.exit(failed === 0 && chosen.length > 0 ? 0 : 1);

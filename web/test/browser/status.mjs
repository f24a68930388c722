// The status page, and what the page may say about pages when the store is away.
import assert from 'node:assert/strict';
import { accessible, french, mode, noSideways } from './tests.mjs';

const open = async (page) => {
  await page.evaluate(() => {
    location.hash = '#/p/status';
  });
  await page.waitForSelector('.part-list');
};

// asked waits until the page has learned what the canary proves.
const asked = (page) =>
  page.waitForFunction(() =>
    performance.getEntriesByType('resource').some((e) => e.name.endsWith('/api/status') && e.responseEnd > 0),
  );

export const tests = [
  {
    name: 'status: every part with what it needs, the test calls and the history; accessible, 320 px, dark, in both languages',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await open(page);
      await page.waitForSelector('.parts-verdict >> text=Every part works');
      assert.equal(await page.locator('.part').count(), 13);
      assert.match(await page.textContent('[data-part=bridge]'), /works.*b-0a1b2c3d.*42 connections/s);
      assert.match(await page.textContent('[data-part=bridge] .part-needs'), /Queue of calls for help.*works/s);
      assert.match(await page.textContent('[data-part=socket]'), /not known/);
      assert.match(await page.textContent('.proof'), /called for help 1 min ago.*95 % within 0\.7 s.*1 failed/s);
      assert.match(await page.textContent('.part-turns'), /Test call: does not work · not paged/);
      await accessible(page, 'the status page');
      await shot(page, 'status');

      system.parts.parts.find((p) => p.part === 'watchdog').state = 'late';
      Object.assign(
        system.parts.parts.find((p) => p.part === 'watchdog'),
        { why: 'silent', sinceMs: system.parts.nowMs - 240_000 },
      );
      const small = await newPage({ viewport: { width: 320, height: 700 }, locale: 'fr-FR', colorScheme: 'dark' });
      await mode(small, 'LIVE');
      await open(small);
      await french(small);
      await small.waitForSelector('text=1 élément ne fonctionne pas comme il faut.');
      await small.waitForSelector('[data-part=watchdog] >> text=ne dit plus rien');
      assert.match(await small.textContent('[data-part=watchdog]'), /4 min/);
      await noSideways(small, 'the status page');
      await accessible(small, 'the status page, small and dark');
      await shot(small, 'status-320-dark');

      const hugo = await newPage({ email: 'hugo@demo.test' });
      await mode(hugo, 'LIVE');
      await open(hugo);
      await hugo.getByLabel('The team that is paged:').selectOption('');
      for (let i = 0; i < 100 && system.parts.operators !== ''; i += 1) await hugo.waitForTimeout(50);
      assert.equal(system.parts.operators, '');
    },
  },
  {
    name: 'status: the store goes away: the page knows nothing of any part, and says that alarms reach phones only while that is proved',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await open(page);
      await asked(page);
      system.away = true;
      await mode(page, 'UNAVAILABLE');
      await page.waitForSelector('.parts-verdict >> text=Nothing can be known now');
      assert.equal(await page.locator('.part:not([data-state=unknown])').count(), 0);
      await page.waitForSelector('#proved >> text=Alarms still reach phones: a test call was paged 1 min ago.');
      await accessible(page, 'the status page without the store');
      await shot(page, 'status-away');

      system.away = false;
      system.parts.canary.late = true;
      const doubt = await newPage();
      await mode(doubt, 'LIVE');
      await open(doubt);
      await asked(doubt);
      await doubt.waitForSelector('.proof >> text=Nothing proves that pages go out now');
      system.away = true;
      await mode(doubt, 'UNAVAILABLE');
      await doubt.waitForSelector('.parts-verdict >> text=Nothing can be known now');
      assert.equal(await doubt.locator('#proved').count(), 0);
    },
  },
];

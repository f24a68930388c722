// An incident played again, in a supervisor's words.
import assert from 'node:assert/strict';
import { accessible, mode, noSideways } from './tests.mjs';

export const tests = [
  {
    name: 'replay: by keyboard through an incident, accessible and no wider than 320 px',
    run: async ({ newPage, shot }) => {
      const page = await newPage({ timezoneId: 'UTC' });
      await mode(page, 'LIVE');
      const small = await newPage({ timezoneId: 'UTC', viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
      await mode(small, 'LIVE');
      for (const p of [page, small]) {
        await p.evaluate(() => {
          location.hash = '#/p/replay/q2f7abcdefghijkl';
        });
        await p.waitForSelector('.replay-state >> text=No alarm yet');
        await p.keyboard.press('ArrowRight'); // raised, and the first step queued
        await p.keyboard.press('ArrowRight');
        await p.waitForSelector('.replay-state >> text=Nobody yet');
        await p.waitForSelector('[aria-current=time] >> text=Claire M.');
        for (let i = 0; i < 12 && (await p.locator('.replay-state.taken').count()) === 0; i += 1)
          await p.keyboard.press('ArrowRight');
        await p.waitForSelector('.replay-state >> text=Claire M. has taken charge');
        assert.equal(await p.locator('.replay-people section').count(), 2);
        await noSideways(p, 'replay');
        await accessible(p, 'replay');
        await shot(p, p === small ? 'replay-320-dark' : 'replay');
      }
      for (let i = 0; i < 4; i += 1) await page.keyboard.press('+');
      await page.waitForSelector('output >> text=64×');
      const before = await page.inputValue('.replay-time input');
      await page.keyboard.press(' ');
      await page.waitForSelector('button >> text=Pause');
      await page.waitForFunction((was) => document.querySelector('.replay-time input').value > was, before);
      await page.keyboard.press(' ');
      await page.waitForSelector('button >> text=Play');
      await page.click('.replay-log button >> nth=0');
      await page.waitForSelector('.replay-state >> text=Nobody yet');
    },
  },
];

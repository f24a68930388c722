// Going on duty: the chip, what the server learns of it, the page that says who watches, the badge of an installed page.
import assert from 'node:assert/strict';
import { accessible, french, mode, noSideways } from './tests.mjs';

const open = async (page) => {
  await page.evaluate(() => {
    location.hash = '#/p/duty';
  });
  await page.waitForSelector('[data-team=north]');
};

const until = async (page, what, is) => {
  for (let i = 0; i < 100 && !is(); i += 1) await page.waitForTimeout(50);
  assert.ok(is(), what);
};

const red = (page) =>
  page.evaluate(() => {
    const [r, g, b] = getComputedStyle(document.querySelector('.duty')).backgroundColor.match(/\d+/g).map(Number);
    return r > 1.5 * g && r > 1.5 * b;
  });

export const tests = [
  {
    name: 'duty: a console goes on duty, for one team, connects anew and leaves; who watches is shown; accessible, 320 px, dark, in both languages',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      const words = () => [...system.consoles.values()].filter((c) => c.on);
      assert.equal(await page.getAttribute('.duty', 'data-sound'), 'off');
      assert.ok(await red(page), 'the chip is not red while sound is off');
      assert.equal(words().length, 0);
      await open(page);
      await page.waitForSelector('text=Nobody is on duty at any screen.');
      assert.match(await page.textContent('[data-team=north]'), /nobody watches for 7 min.*there is an alarm/s);
      await page.click('.duty');
      await page.waitForSelector('.duty[data-sound=on]');
      assert.ok(!(await red(page)), 'the chip is red on duty');
      await until(page, 'the server was not told', () => words()[0]?.sound === true);
      assert.deepEqual(words()[0].teams, []);
      assert.ok(Math.abs(words()[0].sinceMs - system.now()) < 10_000);
      await page.waitForSelector('#consoles >> text=Claire M.');
      await page.waitForSelector('[data-team=north] >> text=heard at 1 screen');
      assert.match(await page.textContent('#mine'), /You are on duty here/);
      await accessible(page, 'the page of who is on duty');
      await shot(page, 'duty');

      await page.getByRole('checkbox', { name: 'Équipe Nord' }).uncheck();
      await until(page, 'the teams were not told', () => words()[0]?.teams.length === 1);
      await page.waitForSelector('[data-team=north][data-alone=true]');
      const { sinceMs } = words()[0];
      system.cut();
      await until(page, 'not on duty on the new line', () => words().length === 1 && words()[0].sinceMs === sinceMs);
      await mode(page, 'LIVE');

      const small = await newPage({ locale: 'fr-FR', colorScheme: 'dark' });
      await mode(small, 'LIVE');
      await open(small);
      await french(small);
      await small.setViewportSize({ width: 320, height: 700 });
      await small.waitForSelector('text=sans surveillance depuis 7 min');
      await noSideways(small, 'the page of who is on duty');
      await accessible(small, 'the page of who is on duty, small and dark');
      await shot(small, 'duty-320-dark');

      await page.bringToFront();
      await page.click('.duty');
      await page.waitForSelector('.duty[data-sound=off]');
      await until(page, 'going off duty was not told', () => words().length === 0);
      await page.waitForSelector('text=Nobody is on duty at any screen.');
    },
  },
  {
    name: 'duty: a browser that blocks sound is a red chip and counts for nobody; an open alarm is on the badge, and gone from it',
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await page.addInitScript(() => {
        globalThis.AudioContext.prototype.resume = () => Promise.reject(new Error('not allowed'));
        Object.defineProperty(AudioContext.prototype, 'state', { get: () => 'suspended' });
        globalThis.badges = [];
        Object.assign(Navigator.prototype, {
          setAppBadge: async (n) => globalThis.badges.push(n),
          clearAppBadge: async () => globalThis.badges.push(0),
        });
      });
      await page.reload();
      await mode(page, 'LIVE');
      await page.click('.duty');
      await page.waitForSelector('.duty[data-sound=blocked]');
      assert.ok(await red(page), 'the chip is not red while sound is blocked');
      await until(page, 'the server was not told', () => [...system.consoles.values()].some((c) => c.on && !c.sound));
      await open(page);
      await page.waitForSelector('#consoles >> text=nothing is heard there');
      await page.waitForSelector('[data-team=north] >> text=heard at no screen');

      const alarm = system.raise('paul');
      await page.waitForFunction(() => globalThis.badges.at(-1) === 1);
      system.take(alarm.id, { user: 'hugo', name: 'Hugo P.' });
      await page.waitForFunction(() => globalThis.badges.at(-1) === 0);
    },
  },
];

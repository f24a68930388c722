// Why there was an alarm, or none; and an exercise, from the worker's panel to the alarm. In a supervisor's words.
import assert from 'node:assert/strict';
import { accessible, french, mode, noSideways } from './tests.mjs';

async function at(page, address) {
  await page.evaluate((to) => {
    location.hash = to;
  }, address);
}

export const tests = [
  {
    name: 'why: from the panel, another time, from an alarm that ended, accessible, 320 px and French',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({ timezoneId: 'Europe/Paris' });
      await mode(page, 'LIVE');
      system.raise('paul', 'sos');
      system.raise('paul', 'lost-contact');
      await at(page, '#/w/paul');
      await page.click('a >> text=Why (no) alarm?');
      await page.waitForSelector('.why form');
      assert.equal(await page.$('.why-answer'), null, 'nobody is looked at before a time is chosen');
      await page.focus('.why [type=submit]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.why-answer >> text=212 reports in history');
      await page.waitForSelector('.why-answer a:has-text("SOS") >> text=it comes out the same');
      await page.waitForSelector('.why-answer a:has-text("Lost contact") >> text=Not raised by a report');
      await page.waitForSelector('.why-answer li >> text=The insole was on the charger. Decided again now');
      await page.waitForSelector('.why-answer >> text=What nobody can tell any more');
      await accessible(page, 'why');
      await shot(page, 'why');
      const before = await page.inputValue('.why input');
      await page.focus('.why button >> text=Half an hour earlier');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      await page.waitForFunction((was) => document.querySelector('.why input').value < was, before);
      await page.fill('.why input', '2026-01-02T03:04');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.why-answer >> text=The insole was not heard in this hour.');
      await page.waitForSelector('.why-answer >> text=None was raised.');
      assert.match(page.url(), new RegExp(`/why/paul/${Date.parse('2026-01-02T03:04:00+01:00')}$`));

      system.admin.past = () => [
        { ...[...system.alarms.values()][0], state: 'resolved', reason: 'real', endedAtMs: system.now() },
      ];
      await at(page, '#/p/past');
      await page.click('.things li .aside >> nth=0');
      await page.waitForSelector('.why-answer');

      const small = await newPage({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
      await mode(small, 'LIVE');
      await at(small, `#/p/why/paul/${system.now()}`);
      await french(small);
      await small.waitForSelector('.why-answer >> text=Ce que personne ne peut plus dire');
      await noSideways(small, 'why at 320 px');
      await accessible(small, 'why at 320 px, dark, in French');
      await shot(small, 'why-320-dark-fr');
    },
  },
  {
    name: 'drill: what will happen is said, by keyboard to the alarm, 320 px and French, and not with the store away',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await at(page, '#/w/paul');
      await page.waitForSelector('.protection >> text=Anne R. took charge after 41 s');
      await page.focus('a[href="#/p/drill/paul"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('form >> text=The person feels nothing');
      await accessible(page, 'drill');
      await shot(page, 'drill');

      const small = await newPage({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
      await mode(small, 'LIVE');
      await at(small, '#/p/drill/paul');
      await french(small);
      await small.waitForSelector('form >> text=La personne ne sent rien');
      await noSideways(small, 'drill at 320 px');
      await accessible(small, 'drill at 320 px, dark, in French');
      await shot(small, 'drill-320-dark-fr');
      await at(small, '#/p/drill/nobody');
      await small.waitForSelector('.more .empty');

      system.away = true;
      await mode(page, 'UNAVAILABLE');
      assert.equal(await page.isDisabled('form [type=submit]'), true, 'nothing can be begun without the store');
      system.away = false;
      await mode(page, 'LIVE');
      await page.focus('form textarea');
      await page.keyboard.type('who is on call tonight?');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => location.hash.startsWith('#/a/'));
      const [alarm] = [...system.alarms.values()];
      assert.equal(alarm.kind, 'drill');
      assert.equal(alarm.note, 'who is on call tonight?');
      await page.waitForSelector('.tag >> text=Drill');
    },
  },
];

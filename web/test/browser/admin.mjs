// What an administrator sets up, in their words.
import assert from 'node:assert/strict';
import { accessible, french, mode, noSideways } from './tests.mjs';

const hugo = { email: 'hugo@demo.test' };

async function at(page, address) {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/p/${address}`);
}

const label = (page, text) => page.getByLabel(text, { exact: true });
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

const pages = [
  ['past', 'Ended alarms'],
  ['health', 'Alarm figures'],
  ['teams', 'Teams'],
  ['teams/north', '← Teams'],
  ['workers', 'Workers'],
  ['workers/paul', '← Workers'],
  ['insoles', 'Insoles'],
  ['insoles/00a1b2c3d4e5f6ff', '← Insoles'],
  ['contacts', 'Contacts'],
  ['contacts/bruno', '← Contacts'],
  ['zones', 'Zones'],
  ['zones/quarry', '← Zones'],
  ['users', 'Users'],
  ['users/vera', '← Users'],
  ['account', 'My account'],
];

export const tests = [
  {
    name: 'administration: every page, accessible and no wider than 320 px, light and dark, in both languages',
    run: async ({ system, newPage, shot }) => {
      const done = system.raise('paul', 'fall');
      system.take(done.id, { user: 'hugo', name: 'Hugo P.' });
      system.resolve(done.id, { user: 'hugo', name: 'Hugo P.' }, 'real', 'Ankle.');
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      const small = await newPage({ ...hugo, viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
      await mode(small, 'LIVE');
      for (const [address, says] of pages) {
        const name = `admin-${address.replace('/', '-')}`;
        for (const p of [page, small]) {
          await at(p, address);
          await p.waitForSelector(`.more-body:has-text("${says}")`);
          await p.waitForFunction(
            () => !/…$/.test(document.querySelector('.more-body [role=status]')?.textContent ?? ''),
          );
          if (address.startsWith('zones/')) await p.waitForSelector('.draw .corner');
          await noSideways(p, `${address} at ${p === small ? 320 : 1280} px`);
          await accessible(p, `${address}, ${p === small ? 'small and dark' : 'large and light'}`);
          await shot(p, p === small ? `${name}-320-dark` : name);
        }
      }
      await french(small);
      for (const [address] of [['teams/north'], ['health']]) {
        await at(small, address);
        await small.waitForSelector('.more-body >> text=/Étape 1|Fausses alarmes/ >> nth=0');
        await noSideways(small, `${address}, in French`);
        await shot(small, `admin-${address.replace('/', '-')}-320-fr`);
      }
    },
  },
  {
    name: 'administration: by keyboard alone a team with a policy of two steps is made, moved about, and saved',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      const tabTo = async (what) => {
        for (let i = 0; i < 60; i += 1) {
          if (await page.evaluate((w) => document.activeElement?.matches(w), what)) return;
          await page.keyboard.press('Tab');
        }
        throw new Error(
          `${what} is not reached by Tab; ${await page.evaluate(() => document.activeElement?.outerHTML)}`,
        );
      };
      const type = async (text) => {
        await page.keyboard.press('Control+A');
        await page.keyboard.type(text);
      };
      await tabTo('[href="#/p/menu"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.more-nav');
      await tabTo('.more-nav [href="#/p/teams"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.things a');
      await tabTo('a[href="#/p/teams/new"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#field-name');
      await tabTo('#field-name');
      await type('Équipe Est');
      await page.waitForSelector('#field-steps-0-contacts option[value=chloe]', { state: 'attached' });
      await tabTo('#field-steps-0-contacts');
      await page.keyboard.type('Chlo');
      await page.waitForSelector('.chosen >> text=Chloé V.');
      await tabTo('[data-add]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#field-steps-1-delayS:focus');
      await type('3');
      await tabTo('#field-steps-1-contacts');
      await page.keyboard.type('Bruno');
      await page.waitForSelector('.chosen >> text=Bruno T.');
      // Bruno has no phone: by SMS he is not reached, and the page says so before the server does.
      await page.waitForSelector('li[data-step]:nth-child(2) >> text=not reached this way');
      await tabTo('li[data-step]:nth-child(2) .checks label:nth-child(2) input');
      await page.keyboard.press('Space');
      await page.waitForSelector('li[data-step]:nth-child(2) >> text=bruno@demo.test');
      await tabTo('li[data-step]:nth-child(2) [data-move="-1"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('li[data-step]:nth-child(1) >> text=Bruno T.');
      await page.waitForSelector('.policy [role=status] >> text=Step 2 is now step 1.', { state: 'attached' });
      await page.waitForSelector('li[data-step]:nth-child(1) [data-move="1"]:focus');
      await page.keyboard.press('Enter');
      await page.waitForSelector('li[data-step]:nth-child(2) >> text=Bruno T.');
      await shot(page, 'admin-team-by-keyboard');
      await tabTo('#field-fallback');
      await type('0639980009');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.form-says >> text=country code');
      await page.waitForSelector('.form-says:focus');
      await accessible(page, 'a form with a fault');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      // The team's number is no field of the fake's own check by name: the fault leads to the field it names.
      await page.waitForSelector('#field-fallback:focus');
      await type('+33 6 39 98 00 09');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.things >> text=Équipe Est');
      const made = system.admin.things.teams.get('equipe-est');
      assert.deepEqual(made.steps, [
        { delayS: 0, contacts: ['chloe'], channels: ['sms'] },
        { delayS: 180, contacts: ['bruno'], channels: ['sms', 'email'] },
      ]);
    },
  },
  {
    name: 'administration: a team out of hours, what it says of a kind of alarm, and who would be told, before it is saved',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'teams/south');
      await page.waitForSelector('.kinds summary');
      const out = page.locator('fieldset.policy', { hasText: 'Out of hours: who is told instead' });
      await out.getByRole('button', { name: 'Add a step' }).click();
      await out.locator('select').selectOption('anne');
      const hours = page.locator('fieldset.policy', { hasText: 'Working hours' }).last();
      await hours.getByRole('button', { name: 'Add a shift' }).click();
      await page.waitForSelector('#field-hours-0-from:focus');
      await label(page, 'Time zone').fill('Europe/Paris');
      const lost = page.locator('.kinds details', { hasText: 'Lost contact' });
      await lost.locator('summary').click();
      await lost.getByLabel('Silent for so many announced intervals').fill('30');
      await lost.getByLabel('Priority').selectOption('1');
      await page.locator('.kinds details', { hasText: 'Fall' }).locator('summary').click();
      await label(page, 'Switched off: raises no alarm').first().check();
      await press(page, 'Show who would be told');
      await page.waitForSelector('.dry-steps >> text=Chloé V.');
      await page.waitForSelector('text=The first person is reached after 0 s.');
      await page.waitForSelector('.dry .form-problem >> text=At most 20.');
      await accessible(page, 'a team, whole');
      await page.locator('.dry').screenshot();
      await page.locator('.dry').scrollIntoViewIfNeeded();
      await shot(page, 'admin-dry-run');
      await press(page, 'Save');
      await page.waitForSelector('.form-says >> text=At most 20.');
      await page.locator('.form-says button', { hasText: 'At most 20.' }).click();
      await page.waitForSelector('#field-settings-lost-contact-factor:focus');
      await page.keyboard.press('Control+A');
      await page.keyboard.type('5');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      const south = system.admin.things.teams.get('south');
      assert.deepEqual(south.settings, { fall: { off: true }, 'lost-contact': { priority: 1, factor: 5 } });
      assert.deepEqual(south.outOfHours, [{ delayS: 0, contacts: ['anne'], channels: ['sms'] }]);
      assert.equal(south.hours[0].zone, 'Europe/Paris');

      const claire = await newPage();
      await mode(claire, 'LIVE');
      await at(claire, 'teams/north');
      await press(claire, 'Show who would be told');
      await claire.waitForSelector('.dry-steps >> text=Bruno T.');
      await accessible(claire, 'a dry run as a supervisor sees it');
    },
  },
  {
    name: 'administration: somebody else was faster: theirs is shown, mine is kept on top, nothing is overwritten blindly',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'contacts/anne');
      await label(page, 'Name').fill('Anne Renaud');
      system.admin.change('contacts', 'anne', { phone: '+33639980077' });
      await press(page, 'Save');
      await page.waitForSelector('.form-says >> text=Somebody has changed this meanwhile');
      assert.match(await page.textContent('.form-says table'), /\+33639980001.*\+33639980077/);
      await accessible(page, 'somebody was faster');
      await shot(page, 'admin-changed');
      assert.equal(system.admin.things.contacts.get('anne').name, 'Anne R.');
      await press(page, 'Keep my changes, on top of theirs');
      assert.equal(await label(page, 'Phone').inputValue(), '+33639980077');
      assert.equal(await label(page, 'Name').inputValue(), 'Anne Renaud');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      const { name, phone } = system.admin.things.contacts.get('anne');
      assert.deepEqual([name, phone], ['Anne Renaud', '+33639980077']);

      await at(page, 'contacts/chloe');
      await label(page, 'Name').fill('Cloé');
      system.admin.change('contacts', 'chloe', { name: 'Chloé Vidal' });
      await press(page, 'Save');
      await press(page, 'Take theirs');
      await page.waitForFunction(() => document.getElementById('field-name')?.value === 'Chloé Vidal');
      for (const p of system.admin.puts.filter((x) => x.method !== 'POST'))
        assert.ok(p.version > 0, `${p.method} ${p.path} came without a version`);
    },
  },
  {
    name: 'administration: what is typed waits while an alarm is looked at; an alarm is seen above every form',
    run: async ({ system, newPage }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'workers/paul');
      await label(page, 'Name').fill('Paul Unsaved');
      await page.waitForSelector('text=Not saved yet');
      const alarm = system.raise('marie');
      await page.waitForSelector('.statebar.danger');
      await at(page, '');
      await page.evaluate((id) => {
        location.hash = `#/a/${id}`;
      }, alarm.id);
      await page.waitForSelector('.panel');
      await at(page, 'workers');
      await page.waitForSelector('.things li:has-text("Paul") >> text=Not saved yet');
      await at(page, 'workers/paul');
      assert.equal(await label(page, 'Name').inputValue(), 'Paul Unsaved');
      assert.notEqual(system.admin.things.workers.get('paul').name, 'Paul Unsaved');
      await press(page, 'Undo my changes');
      assert.notEqual(await label(page, 'Name').inputValue(), 'Paul Unsaved');

      await label(page, 'Name').fill('Paul Saved');
      system.away = true;
      await mode(page, 'UNAVAILABLE');
      assert.equal(await page.isDisabled('.form [type=submit]'), true);
      await page.waitForSelector('text=Nothing can be saved now.');
      system.away = false;
      await mode(page, 'LIVE');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      assert.equal(system.admin.things.workers.get('paul').name, 'Paul Saved');
    },
  },
  {
    name: 'administration: a shift, an insole with its key shown once, another key, its end, a user and their password',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'workers/paul');
      await press(page, 'Add a shift');
      await page.waitForSelector('#field-shifts-0-from:focus');
      await label(page, 'Sat').check();
      await label(page, 'From').fill('22:00');
      await label(page, 'Until').fill('06:00');
      await page.waitForSelector('text=On the next day.');
      await label(page, 'Time zone').fill('Europe/Paris');
      await shot(page, 'admin-shift');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      assert.deepEqual(system.admin.things.workers.get('paul').shifts, [
        { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat'], from: '22:00', to: '06:00', zone: 'Europe/Paris' },
      ]);

      await at(page, 'workers/marie');
      await label(page, 'Without set hours').selectOption('walking');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      assert.equal(system.admin.things.workers.get('marie').shiftBy, 'walking');
      await at(page, 'workers/marie');
      await press(page, 'Add a shift');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      const marie = system.admin.things.workers.get('marie');
      assert.deepEqual([marie.shiftBy ?? '', marie.shifts.length], ['', 1]);

      await at(page, 'insoles/new');
      await label(page, 'Team that is told while nobody wears it').selectOption('south');
      await press(page, 'Make');
      await page.waitForSelector('.secret >> text=c3c3c3c3');
      await accessible(page, 'a key, shown once');
      await shot(page, 'admin-key');
      await press(page, 'I have noted it');
      await page.waitForSelector('.aside');
      assert.doesNotMatch(await page.textContent('body'), /c3c3c3/);
      await press(page, 'New key');
      await page.waitForSelector('.form-sure');
      await accessible(page, 'asked once more');
      await page.locator('.form-sure').getByRole('button', { name: 'New key' }).click();
      await page.waitForSelector('.secret >> text=5a5a5a5a');
      await press(page, 'I have noted it');
      await press(page, 'Revoke');
      await page.locator('.form-sure').getByRole('button', { name: 'Revoke' }).click();
      await page.waitForSelector('.aside:not(:has(button))');
      assert.equal(system.admin.things.insoles.get('00a1b2c3d4e5f6aa').revoked, true);

      await at(page, 'users/new');
      await label(page, 'Name').fill('Nora');
      await label(page, 'E-mail').fill('nora@demo.test');
      await label(page, 'Role').selectOption('supervisor');
      await press(page, 'Make');
      await page.waitForSelector('.secret >> text=abcde-fghjk');
      await press(page, 'I have noted it');
      await page.waitForSelector('.things >> text=Nora');
      await at(page, 'users/nora');
      await press(page, 'Give a new password');
      await page.locator('.form-sure').getByRole('button', { name: 'Give a new password' }).click();
      await page.waitForSelector('.secret');
      assert.equal(await page.textContent('.secret'), system.admin.passwords.get('nora'));
      for (const p of system.admin.puts.filter((x) => x.path !== '/users' && x.method !== 'POST'))
        assert.ok(p.version > 0, `${p.method} ${p.path} came without a version`);
    },
  },
  {
    name: 'administration: a zone is typed, drawn by click, drag and keyboard, and refused where it crosses itself',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'zones/new');
      await label(page, 'Name').fill('Quai');
      await label(page, 'Corners').fill('43.61, 7.05\n43.61, seven');
      await page.waitForSelector('.wrong >> text=/Lines that are not.*: 2/');
      await press(page, 'Make');
      await page.waitForSelector('.form-says >> text=/: 2/');
      assert.equal(system.admin.puts.length, 0);
      await label(page, 'Corners').fill('43.61, 7.05\n43.62, 7.06\n43.61, 7.06\n43.62, 7.05');
      await press(page, 'Make');
      await page.waitForSelector('.form-says >> text=side 1 meets side 3');
      await page.waitForSelector('.field:has(textarea) .wrong >> text=side 1 meets side 3');
      await shot(page, 'admin-zone-crosses');
      await label(page, 'Corners').fill('43.61, 7.05\n43.61, 7.06\n43.62, 7.06');
      await page.waitForSelector('.draw .corner:nth-of-type(3)');
      const lines = async () => (await label(page, 'Corners').inputValue()).split('\n');

      const map = page.locator('.draw');
      await map.scrollIntoViewIfNeeded();
      const box = await map.boundingBox();
      await page.mouse.click(box.x + 30, box.y + 30);
      await page.waitForSelector('.draw .corner:nth-of-type(4)');
      assert.equal((await lines()).length, 4);
      // The one that was clicked, wherever in the order it is.
      const drawn = (await lines()).findIndex((l) => !['43.61, 7.05', '43.61, 7.06', '43.62, 7.06'].includes(l));
      const corner = page.locator('.draw .corner').nth(drawn);
      const before = (await lines())[drawn];
      const from = await corner.boundingBox();
      await page.mouse.move(from.x + 14, from.y + 14);
      await page.mouse.down();
      await page.mouse.move(from.x + 50, from.y + 60, { steps: 4 });
      await page.mouse.up();
      await page.waitForFunction((was) => !document.querySelector('textarea').value.includes(was), before);
      assert.equal((await lines()).length, 4);
      const dragged = (await lines())[drawn];
      await corner.focus();
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction((was) => !document.querySelector('textarea').value.includes(was), dragged);
      const [latBefore, lonBefore] = dragged.split(', ').map(Number);
      const [lat, lon] = (await lines())[drawn].split(', ').map(Number);
      assert.ok(lon > lonBefore && Math.abs(lat - latBefore) < 1e-6, `${dragged} → ${(await lines())[drawn]}`);
      await page.keyboard.press('Delete');
      await page.waitForSelector('.draw .corner:nth-of-type(4)', { state: 'detached' });
      assert.deepEqual(await lines(), ['43.61, 7.05', '43.61, 7.06', '43.62, 7.06']);
      assert.ok(await page.evaluate(() => document.activeElement?.classList.contains('corner')));
      await label(page, 'Danger zone').check();
      await accessible(page, 'a zone being drawn');
      await shot(page, 'admin-zone-drawn');
      await press(page, 'Make');
      await page.waitForSelector('.things >> text=Quai');
      const { ring, danger } = system.admin.things.zones.get('quai');
      assert.equal(danger, true);
      assert.deepEqual(ring, [
        [7.05, 43.61],
        [7.06, 43.61],
        [7.06, 43.62],
      ]);
    },
  },
  {
    name: 'administration: without WebGL a zone is typed',
    plain: true,
    run: async ({ system, newPage }) => {
      const page = await newPage(hugo);
      await mode(page, 'LIVE');
      await at(page, 'zones/quarry');
      await page.waitForSelector('text=The map cannot be shown here.');
      await label(page, 'Corners').fill('43.61, 7.05\n43.61, 7.06\n43.62, 7.06');
      await press(page, 'Save');
      await page.waitForSelector('.things');
      assert.equal(system.admin.things.zones.get('quarry').ring.length, 3);
    },
  },
  {
    name: 'administration: each role sees what it may: a viewer reads, a supervisor reads more, nobody but an admin changes',
    run: async ({ newPage, shot }) => {
      for (const [email, sees, not] of [
        [
          'vera@demo.test',
          ['Teams', 'Workers', 'Zones', 'My account'],
          ['Users', 'Contacts', 'Insoles', 'Alarm figures'],
        ],
        ['claire@demo.test', ['Contacts', 'Insoles', 'Alarm figures', 'Ended alarms'], ['Users']],
      ]) {
        const page = await newPage({ email });
        await mode(page, 'LIVE');
        await at(page, 'teams/north');
        await page.waitForSelector('.form-lines >> text=Step 1');
        const menu = await page.textContent('.more-nav');
        for (const name of sees) assert.ok(menu.includes(name), `${email} does not see ${name}`);
        for (const name of not) assert.ok(!menu.includes(name), `${email} sees ${name}`);
        assert.equal(await page.locator('.more-body [type=submit], .more-body .bad').count(), 0);
        await page.waitForSelector('text=Only administrators may change this.');
        await accessible(page, `a team as ${email} sees it`);
        await shot(page, `admin-team-${email.split('@')[0]}`);
        await at(page, 'users');
        await page.waitForSelector('.more-body [role=status] >> text=/Not allowed/i');
      }
    },
  },
  {
    name: 'put on a phone’s home screen it has icons of the sizes it names',
    run: async ({ server, newPage }) => {
      const page = await newPage({ signIn: false });
      const manifest = await (await page.request.get(`${server.url}/app.webmanifest`)).json();
      const apple = await page.getAttribute('link[rel=apple-touch-icon]', 'href');
      const wanted = [
        [apple, 180],
        ...manifest.icons.filter((i) => i.type === 'image/png').map((i) => [i.src, Number.parseInt(i.sizes, 10)]),
      ];
      assert.equal(wanted.length, 3);
      for (const [src, size] of wanted) {
        const answer = await page.request.get(server.url + src);
        assert.equal(answer.headers()['content-type'], 'image/png');
        const png = await answer.body();
        assert.deepEqual(
          [png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)],
          ['PNG', size, size],
        );
      }
    },
  },
  {
    name: 'administration: one changes the language and the password of one’s own account',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({ email: 'vera@demo.test' });
      await mode(page, 'LIVE');
      await at(page, 'account');
      await label(page, 'Your password now').fill('wrong');
      await label(page, 'New password').fill('short');
      await press(page, 'Change the password');
      await page.waitForSelector('#field-password:focus');
      await label(page, 'New password').fill('a long new one');
      await label(page, 'New password, once more').fill('another new one');
      await press(page, 'Change the password');
      await page.waitForSelector('text=The two new passwords are not the same.');
      assert.equal(system.admin.puts.length, 0);
      await label(page, 'New password, once more').fill('a long new one');
      await press(page, 'Change the password');
      await page.waitForSelector('.wrong >> text=not the password you have now');
      await accessible(page, 'a wrong password');
      await shot(page, 'admin-account-wrong');
      await label(page, 'Your password now').fill('demo');
      await press(page, 'Change the password');
      await page.waitForSelector('.notice.there >> text=signed out everywhere else');
      assert.equal(await label(page, 'New password').inputValue(), '');
      assert.equal(system.admin.passwords.get('vera'), 'a long new one');
      await label(page, 'Language').selectOption('fr');
      await press(page, 'Save');
      await page.waitForSelector('.more-body >> text=Mot de passe');
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
    },
  },
  {
    name: 'administration: the month’s figures and its alarms, back and forth, and the CSV',
    run: async ({ system, newPage }) => {
      const done = system.raise('paul', 'fall');
      system.resolve(done.id, { user: 'hugo', name: 'Hugo P.' }, 'false', 'Dropped.');
      const page = await newPage();
      await mode(page, 'LIVE');
      await at(page, 'health');
      await page.waitForSelector('text=One alarm in twenty waited longer than 74 s');
      const csv = await page.getAttribute('a[download]', 'href');
      assert.match(csv, /^\/api\/reports\/\d{4}-\d{2}\?format=csv$/);
      await press(page, 'Month before');
      await page.waitForFunction((was) => document.querySelector('a[download]')?.getAttribute('href') !== was, csv);
      await at(page, 'past');
      await page.click('.things a');
      await page.waitForSelector('.panel >> text=/Resolved|Dropped/ >> nth=0');
    },
  },
];

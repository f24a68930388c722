// What responders must know of a worker, in the words of who sets it and who needs it.
import assert from 'node:assert/strict';
import { accessible, mode, noSideways } from './tests.mjs';

const show = 'Show medical note and emergency contacts';

export const tests = [
  {
    name: 'care: an administrator sets a medical note and whom to call; a supervisor reads it when they ask, and is recorded; a viewer sees nothing of it',
    run: async ({ system, newPage, shot }) => {
      const admin = await newPage({ email: 'hugo@demo.test', viewport: { width: 320, height: 640 } });
      await mode(admin, 'LIVE');
      await admin.evaluate(() => {
        location.hash = '#/p/workers/paul';
      });
      await admin.click(`text=${show}`);
      await admin.getByLabel('Medical note', { exact: true }).fill('Diabetic: sugar in the left pocket.');
      await admin.getByRole('button', { name: 'Add a contact', exact: true }).click();
      const contact = admin.getByRole('group', { name: 'Emergency contact 1' });
      await contact.getByLabel('Name', { exact: true }).fill('Jean P.');
      await contact.getByLabel('Phone', { exact: true }).fill('+33639980077');
      await contact.getByLabel('Relation', { exact: true }).fill('brother');
      await noSideways(admin, 'care at 320 px');
      await accessible(admin, 'care, being set');
      await shot(admin, 'care-set-320');
      const saved = admin.waitForResponse((r) => r.request().method() === 'GET' && r.url().endsWith('/care')); // what was saved is read again
      await admin.locator('.care button[type=submit]').click();
      await saved;
      for (let i = 0; i < 100 && system.cares.get('paul')?.version !== 2; i += 1) await admin.waitForTimeout(50);
      assert.equal(system.cares.get('paul')?.note, 'Diabetic: sugar in the left pocket.');

      const reads = () => system.looks.filter((l) => l.what === 'care').length;
      const before = reads();
      const page = await newPage({ path: '/#/w/paul' });
      await mode(page, 'LIVE');
      await page.waitForSelector(`.panel >> text=${show}`);
      assert.equal(reads(), before, 'nothing is read before somebody asks');
      await page.click(`.panel >> text=${show}`);
      await page.waitForSelector('.panel >> text=Diabetic: sugar in the left pocket.');
      assert.equal(await page.getAttribute('.panel .care a[href^="tel:"]', 'href'), 'tel:+33639980077');
      assert.match(await page.textContent('.panel .care a'), /Jean P\. \(brother\)/);
      assert.equal(reads(), before + 1);
      await accessible(page, 'care, read');
      assert.ok(
        await page.locator('.panel').evaluate((p) => p.scrollWidth <= p.clientWidth),
        'the panel moves sideways',
      );
      await shot(page, 'care-read');

      const vera = await newPage({ email: 'vera@demo.test', path: '/#/w/paul' });
      await mode(vera, 'LIVE');
      await vera.waitForSelector('.panel .looked');
      assert.equal(await vera.locator('.panel .care').count(), 0);
    },
  },
];

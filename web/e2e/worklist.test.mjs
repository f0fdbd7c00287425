// Sign-in, the worklist, its filters and keys, its empty and broken states, uploads.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, real, signIn, user, watched } from './browser.mjs';

let node, page, complaints;
before(async () => {
  node = await open();
  ({ page, complaints } = await watched(node.context));
});
after(() => node.close());

const rows = () => page.locator('tr[data-study]');

test('sign-in: a wrong password is refused in the node’s words, the right one opens the worklist', async () => {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.match(await page.locator('footer').innerText(), /Not a certified medical device/);
  await page.getByLabel('Name').fill(user);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /ACCESS_/);
  await signIn(page);
  await rows().first().waitFor();
  assert.match(await page.locator('.disclaimer').innerText(), /Not a certified medical device/);
});

test('keys: j and k move, / searches, x removes the filters, ? lists the keys', async () => {
  const selected = () => page.locator('tr[data-study].selected').getAttribute('data-study');
  const first = await selected();
  if (await rows().count() > 1) {
    await page.keyboard.press('j');
    assert.notEqual(await selected(), first);
    await page.keyboard.press('k');
    assert.equal(await selected(), first);
  }
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Search');
  await page.keyboard.type('no such patient jk');
  await page.getByRole('heading', { name: 'No study matches' }).waitFor();
  assert.match(page.url(), /q=no\+such\+patient\+jk/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('x');
  await rows().first().waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('filters: by state, by urgency, by modality; the address keeps them', async () => {
  const name = await page.locator('tr[data-study] .badge:not(.synthetic)').last().innerText(); // a state that there is
  await page.getByRole('group', { name: 'State' }).getByRole('button', { name }).click();
  await page.waitForURL(/state=/);
  await page.waitForFunction((text) => [...document.querySelectorAll('tr[data-study] .badge:not(.synthetic)')].every((b) => b.textContent === text), name);
  const shown = await rows().count();
  await page.reload();
  await rows().first().waitFor();
  assert.equal(await rows().count(), shown);
  if (!real) {
    await page.getByRole('group', { name: 'State' }).getByRole('button', { name: 'To review' }).click();
    await page.getByLabel('Urgency').selectOption('critical');
    await page.waitForFunction(() => document.querySelectorAll('tr[data-study]').length === 2);
    await page.getByLabel('Modality').selectOption('AU');
    await page.waitForFunction(() => document.querySelectorAll('tr[data-study]').length === 1);
  }
  await page.keyboard.press('Escape');
  await page.goto('/');
  await rows().first().waitFor();
});

test('empty and broken states, and hostile names as text', async () => {
  const answer = (body, status = 200) => page.route('**/api/v1/studies?*', (r) => r.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) }));
  await answer({ items: null, total: 0, counts: null });
  await page.goto('/');
  await page.getByRole('heading', { name: 'No study yet' }).waitFor();
  await page.unroute('**/api/v1/studies?*');

  await answer({ error: { code: 'STORE_FAILED', what: 'the database does not answer', do: 'look at the disk' } }, 500);
  await page.goto('/');
  await page.getByText('the database does not answer').waitFor();
  await page.getByText('STORE_FAILED').waitFor();
  await page.unroute('**/api/v1/studies?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await rows().first().waitFor();

  const evil = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>';
  const row = { studyUID: '1.2.3', patientName: `${evil}^"'</td>`, patientID: evil, patientSex: evil, patientBirthDate: evil, accession: evil, description: evil, modalities: [evil], studyDate: evil, studyTime: evil, receivedAt: evil, instances: 1, state: 'ready', urgency: 'urgent', headline: evil, findings: 1, synthetic: true };
  await answer({ items: [row], total: 1, counts: { ready: 1 } });
  await page.goto('/');
  await page.locator('tr[data-study]').waitFor();
  assert.equal(await page.locator('tr[data-study] img, tr[data-study] script').count(), 0);
  assert.ok((await page.locator('.rows .second').first().innerText()).includes(evil));
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'a long name makes the page scroll sideways');
  await page.unroute('**/api/v1/studies?*');
  await page.goto('/');
  await rows().first().waitFor();
});

test('an upload shows its progress and arrives in the list by itself', { skip: real && 'uploads need the mock' }, async () => {
  const count = await rows().count();
  await page.locator('input[type=file]').setInputFiles({ name: 'film.png', mimeType: 'image/png', buffer: Buffer.alloc(200_000, 7) });
  await page.getByText('1 file received').waitFor();
  await page.waitForFunction((n) => document.querySelectorAll('tr[data-study]').length === n + 1, count);
  await page.locator('tr[data-study]', { hasText: 'Upload, Synthetic' }).getByText('To review').waitFor(); // told by an event
});

test('without the node the page says so; when it is back the list comes by itself', async () => {
  await node.context.setOffline(true);
  await page.getByLabel('Urgency').selectOption('routine');
  await page.getByText('The node cannot be reached.').waitFor();
  await node.context.setOffline(false);
  await page.locator('tr[data-study], .state h2:text-is("No study matches")').first().waitFor(); // nobody pressed Try again
  complaints.splice(0, complaints.length, ...complaints.filter((c) => !/ERR_INTERNET_DISCONNECTED/.test(c)));
});

test('nothing complained: no error, no breach of the content security policy', () => assert.deepEqual(complaints, []));

// Accessibility by axe-core, both schemes, tablets, administration. CONSILIUM_SHOTS names a folder for pictures of the case at each size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { axe, open, real, signIn, watched, withModality } from './browser.mjs';

let node, page, complaints;
before(async () => {
  node = await open();
  ({ page, complaints } = await watched(node.context));
});
after(() => node.close());

/** check runs axe and gives its violations in one line each. */
async function check(name) {
  await page.evaluate(readFileSync(axe, 'utf8')); // by the debugger, which the content security policy does not hold back
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  assert.deepEqual(found.violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`), []);
}

const openCase = async (name) => {
  await page.goto('/');
  await withModality(page, ['CR|DX'], name).click();
  await page.locator('.case').waitFor();
  const film = page.locator('.series .thumb', { hasText: /^(CR|DX)/ }).first();
  if (!(await page.locator('.image-viewer').isVisible())) await film.click();
  await page.locator('.box[data-ready=true]').waitFor();
};

for (const scheme of ['light', 'dark']) {
  test(`axe finds nothing, ${scheme}`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto('/');
    if (scheme === 'light') {
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await check('sign-in');
      await signIn(page);
    }
    await page.locator('tr[data-study]').first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
    await check('worklist');
    await openCase('Hoffmann');
    await page.locator('.finding').first().waitFor();
    await check('case');
    await page.keyboard.press('s');
    if (await page.getByRole('dialog').count() > 0) {
      await check('sign dialog');
      await page.keyboard.press('Escape');
    }
    for (const path of ['/models', '/settings/tokens', '/settings/you', '/patients/P-20417/consent']) {
      await page.goto(path);
      await page.locator('h1').first().waitFor();
      await page.locator('.state .spinner').first().waitFor({ state: 'detached' });
      await check(path);
    }
  });
}

test('the toggle wins over the system’s scheme, and stays', async () => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/');
  await page.locator('.worklist').waitFor();
  await page.keyboard.press('t');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.reload();
  await page.locator('.worklist').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.keyboard.press('t');
});

for (const [width, height] of [[1280, 800], [1024, 768], [820, 1180]]) {
  test(`no sideways scrolling at ${width} x ${height}, and the controls are on the screen`, async () => {
    await page.setViewportSize({ width, height });
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth && document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth);
    await page.goto('/');
    await page.locator('tr[data-study]').first().waitFor();
    assert.ok(await fits(), 'worklist');
    await openCase('Hoffmann');
    assert.ok(await fits(), 'case');
    const image = await page.locator('.box .canvas').boundingBox();
    assert.ok(image.width > 380 && image.height > 280, `image ${Math.round(image.width)} x ${Math.round(image.height)}`);
    for (const name of ['.disclaimer', '.side-panel', '.series', '.toolbar']) {
      const b = await page.locator(name).first().boundingBox();
      assert.ok(b.x >= 0 && b.y >= 0 && b.x + b.width <= width + 1 && b.y + b.height <= height + 1, `${name} leaves the screen`);
    }
    for (const path of ['/models', '/settings/tokens']) {
      await page.goto(path);
      await page.locator('h1').first().waitFor();
      assert.ok(await fits(), path);
    }
    if (process.env.CONSILIUM_SHOTS) await page.goto('/').then(() => openCase('Hoffmann')).then(() => page.screenshot({ path: `${process.env.CONSILIUM_SHOTS}/case-${width}.png` }));
  });
}

test('administration: audit verified, a user made, a token shown once', { skip: real && 'needs the mock’s administrator' }, async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'admin', 'synthetic-admin');
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  await page.locator('.entries tbody tr').first().waitFor();
  await check('audit');
  await page.getByRole('button', { name: 'Verify the log' }).click();
  await page.getByText('The log is whole.').waitFor();
  await page.getByLabel('Action').fill('report.signed');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => [...document.querySelectorAll('.entries tbody tr td:nth-child(4)')].every((td) => td.textContent === 'report.signed'));
  for (const path of ['/settings/node', '/settings/peers', '/settings/users']) {
    await page.goto(path);
    await page.locator('.panel').first().waitFor();
    await check(path);
  }
  await page.getByLabel('Name to sign in with').fill('new.reader');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('dialog', { name: 'One-time link for new.reader' }).getByText('/setup#mock-one-time-secret').waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByText('link not used yet').waitFor();
  await page.goto('/settings/tokens');
  await page.getByLabel('Name: what will use it').fill('nightly export');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('dialog').locator('.secret').waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
});

test('first administrator by link', { skip: real && 'needs a fresh node' }, async () => {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goto('/setup#token=first');
  await page.getByLabel('Name').fill('root');
  await page.getByLabel('Password, at least').fill('correct horse battery');
  await page.getByLabel('Password again').fill('correct horse battery');
  await page.getByRole('button', { name: /account|password/ }).click();
  await page.locator('.worklist').waitFor();
});

test('nothing complained: no error, no breach of the content security policy', () => assert.deepEqual(complaints, []));

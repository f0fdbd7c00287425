// Every pair of colours that text or a control is drawn in, against WCAG 2.2:
// 4.5 for text (1.4.3), 3 for what is no text but must be seen (1.4.11).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const css = readFileSync('src/ui/tokens.css', 'utf8');

type Colours = Record<string, string>;

/** colours reads the custom properties of one scheme; dark builds on light. */
function colours(scheme: 'light' | 'dark'): Colours {
  const found: Colours = {};
  for (const [, selector, body] of css.matchAll(/(:root(?:\[data-theme='dark'\])?)\s*\{([^}]*)\}/g)) {
    if (selector !== ':root' && scheme === 'light') continue;
    for (const [, name, value] of body!.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\b/g)) found[name!] = value!;
  }
  return found;
}

/** luminance of an sRGB colour, WCAG 2.2. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const GROUNDS = ['bg', 'surface', 'raised', 'sunken'];
const TEXT: [string, string[]][] = [
  ['text', [...GROUNDS, 'accent-soft', 'critical-soft', 'urgent-soft', 'routine-soft', 'good-soft', 'synthetic-soft']],
  ['muted', [...GROUNDS, 'accent-soft', 'critical-soft', 'urgent-soft', 'good-soft']],
  ['accent', [...GROUNDS, 'accent-soft']],
  ['critical', [...GROUNDS, 'critical-soft', 'accent-soft']],
  ['urgent', [...GROUNDS, 'urgent-soft', 'accent-soft']],
  ['routine', [...GROUNDS, 'routine-soft', 'accent-soft']],
  ['good', [...GROUNDS, 'good-soft']],
  ['synthetic', [...GROUNDS, 'synthetic-soft']],
  ['on-accent', ['accent', 'accent-strong']],
  ['box-text', ['box', 'box-panel']],
  ['box-muted', ['box', 'box-panel']],
  ['box-accent', ['box', 'box-panel']],
  ['box-mark', ['box']],
  ['paper-text', ['paper']],
  ['paper-ink', ['paper']],
];
const SEEN: [string, string[]][] = [
  ['line-strong', ['surface', 'raised', 'bg']], // borders of fields and buttons
  ['focus', [...GROUNDS, 'accent-soft']],
  ['bar', ['track', 'surface']],
  ['bar-out', ['surface']],
  ['text', ['track', 'bar']], // whiskers
  ['paper-caliper', ['paper']],
];

for (const scheme of ['light', 'dark'] as const) {
  test(`contrast, ${scheme}`, () => {
    const c = colours(scheme);
    let least = Infinity;
    let pairs = 0;
    for (const [table, limit] of [[TEXT, 4.5], [SEEN, 3]] as const) {
      for (const [ink, grounds] of table) {
        for (const ground of grounds) {
          assert.ok(c[ink] && c[ground], `${ink} or ${ground} is no colour of the scheme`);
          const found = contrast(c[ink], c[ground]);
          assert.ok(found >= limit, `${scheme}: ${ink} ${c[ink]} on ${ground} ${c[ground]} has ${found.toFixed(2)}, needs ${limit}`);
          if (limit === 4.5) least = Math.min(least, found);
          pairs++;
        }
      }
    }
    console.log(`${scheme}: ${pairs} pairs, the weakest text has ${least.toFixed(2)}`);
  });
}

test('the measure of contrast is right', () => {
  assert.equal(contrast('#000000', '#ffffff').toFixed(2), '21.00');
  assert.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48');
});

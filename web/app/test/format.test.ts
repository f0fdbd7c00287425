import assert from 'node:assert/strict';
import test from 'node:test';
import { age, ago, bytes, dicomDate, dicomTime, interval, moment, percent, personName, plural, sex, words } from '../src/format/format.ts';

test('person names are read as DICOM writes them', () => {
  for (const [pn, want] of [
    ['Hoffmann^Greta', 'Hoffmann, Greta'],
    ['Hoffmann^Greta^Maria^Dr.^MD', 'Hoffmann, Dr. Greta Maria MD'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada, Tarou (山田 太郎)'],
    ['=山田^太郎', '山田 太郎'],
    ['^Greta', 'Greta'],
    ['Hoffmann', 'Hoffmann'],
    ['', 'No name'],
    ['^^^^', 'No name'],
    ['<b>x</b>^y', '<b>x</b>, y'],
  ] as const) assert.equal(personName(pn), want, pn);
});

test('dates, times, ages', () => {
  assert.equal(dicomDate('20261114'), '14 Nov 2026');
  assert.equal(dicomDate('20261301'), '20261301');
  assert.equal(dicomDate('soon'), 'soon');
  assert.equal(dicomTime('081530.25'), '08:15');
  assert.equal(age('19680922', '20261121'), '58 y');
  assert.equal(age('19681122', '20261121'), '57 y');
  assert.equal(age('20260101', '20261121'), '10 mo');
  assert.equal(age('20270101', '20261121'), '');
  assert.equal(age('', '20261121'), '');
  assert.equal(sex('F'), 'female');
  assert.equal(sex('?'), '');
  assert.equal(moment('no time'), 'no time');
  const now = new Date('2026-11-23T12:00:00Z');
  assert.equal(ago('2026-11-23T11:59:30Z', now), 'now');
  assert.equal(ago('2026-11-23T11:56:00Z', now), '4 min');
  assert.equal(ago('2026-11-23T09:00:00Z', now), '3 h');
  assert.equal(ago('2026-11-21T12:00:00Z', now), '2 d');
  assert.equal(ago('never', now), '');
});

test('a probability never claims certainty', () => {
  assert.equal(percent(0.874), '87\u2009%');
  assert.equal(percent(0.004), '<\u20091\u2009%');
  assert.equal(percent(0.997), '>\u200999\u2009%');
  assert.equal(percent(0), '0\u2009%');
  assert.equal(percent(Number.NaN), '–');
  assert.equal(interval(0.741, 0.912), '74–91\u2009%');
  assert.equal(interval(null, 0.9), '');
});

test('words and sizes', () => {
  assert.equal(words('queueDepth'), 'Queue depth');
  assert.equal(words('ae_title'), 'Ae title');
  assert.equal(bytes(412e9), '412 GB');
  assert.equal(bytes(3_400_000), '3.4 MB');
  assert.equal(bytes(17), '17 B');
  assert.equal(plural('finding', 1), '1 finding');
  assert.equal(plural('finding', 0), '0 findings');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Case, Finding, Row } from '../src/api/types.ts';
import { KEYMAP, match, stroke, type Scope } from '../src/app/keymap.ts';
import { route } from '../src/app/routes.ts';
import { firstPlace, nextUndecided, placeOf, standing, undecided } from '../src/case/decide.ts';
import { fromAddress, isFiltered, merge, NONE, range, toAddress, toQuery } from '../src/worklist/query.ts';

test('addresses', () => {
  assert.deepEqual(route('/'), { view: 'worklist' });
  assert.deepEqual(route('/case/1.2.3/view'), { view: 'case', uid: '1.2.3' });
  assert.deepEqual(route('/case/1.2.3'), { view: 'case', uid: '1.2.3' });
  assert.deepEqual(route('/case/1.2.3/letter'), { view: 'letter', uid: '1.2.3' });
  assert.deepEqual(route('/patients/P%2F1/consent'), { view: 'consent', patient: 'P/1' });
  assert.deepEqual(route('/settings'), { view: 'settings', tab: 'node' });
  assert.deepEqual(route('/models/ecg'), { view: 'models', name: 'ecg' });
  assert.deepEqual(route('/federation'), { view: 'federation', job: '' });
  assert.deepEqual(route('/federation/retina-23'), { view: 'federation', job: 'retina-23' });
  for (const lost of ['/case', '/case/1/2/3', '/nothing', '/%', '/case/1.2.3/what', '/audit/x', '/federation/a/b']) assert.deepEqual(route(lost), { view: 'lost' }, lost);
});

const press = (key: string, mods: Partial<Record<'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey', boolean>> = {}) =>
  stroke({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...mods });

test('strokes: chords stay with the browser', () => {
  assert.equal(press('a'), 'a');
  assert.equal(press('?', { shiftKey: true }), '?');
  assert.equal(press('ArrowUp', { shiftKey: true }), 'Shift+ArrowUp');
  assert.equal(press('r', { ctrlKey: true }), null);
  assert.equal(press('Shift', { shiftKey: true }), null);
});

test('pairs of strokes', () => {
  const one = match('', 'g');
  assert.equal(one.pending, 'g');
  assert.deepEqual(match('g', 'w').hits.map((h) => h.id), ['go.worklist']);
  assert.equal(match('g', 'w').pending, '');
  assert.ok(match('g', 'j').hits.some((h) => h.id === 'finding.next'), 'a pair that means nothing is read as its second stroke');
});

test('no key means two things at once in views that are open together', () => {
  const together: Scope[][] = [['anywhere', 'worklist'], ['anywhere', 'case', 'image'], ['anywhere', 'case', 'ecg'], ['anywhere', 'case', 'sound']];
  for (const scopes of together) {
    const seen = new Map<string, string>();
    for (const k of KEYMAP.filter((one) => scopes.includes(one.scope))) {
      for (const key of k.keys) {
        assert.equal(seen.get(key), undefined, `${key} in ${scopes.join('+')}: ${seen.get(key)} and ${k.id}`);
        seen.set(key, k.id);
      }
    }
  }
  assert.equal(new Set(KEYMAP.map((k) => k.id)).size, KEYMAP.length);
});

test('filters and their address are the same thing', () => {
  const f = { state: 'ready', modality: 'CR', urgency: 'urgent', date: '20261101-20261130', q: 'a&b=c/"', page: 2 };
  assert.deepEqual(fromAddress(toAddress(f).slice(1)), f);
  assert.equal(toAddress(NONE), '/');
  assert.equal(isFiltered({ ...NONE, page: 3 }), false);
  assert.deepEqual(fromAddress('?page=-4&page=x').page, 0);
  const today = new Date(2026, 2, 1);
  assert.deepEqual(range('today', today), { from: '20260301', to: '20260301' });
  assert.deepEqual(range('7', today), { from: '20260223', to: '20260301' });
  assert.deepEqual(range('-20261130', today), { from: '', to: '20261130' });
  assert.deepEqual(range('nonsense', today), { from: '', to: '' });
  assert.equal(toQuery({ ...NONE, page: 2 }, today).offset, 100);
});

const row = (studyUID: string, more: Partial<Row> = {}) => ({ studyUID, urgency: 'routine', state: 'ready', ...more }) as Row;

test('a changed row stands where it stood; a new one asks for the list again', () => {
  const rows = [row('a'), row('b')];
  const same = merge(rows, row('b', { headline: 'x' }));
  assert.deepEqual([same.rows[1]!.headline, same.settled], ['x', true]);
  assert.equal(merge(rows, row('b', { urgency: 'critical' })).settled, false);
  assert.equal(merge(rows, row('c')).settled, false);
  assert.equal(rows.length, 2, 'the old list is left alone');
});

const finding = (id: string, decision?: 'accept' | 'correct' | 'reject') =>
  ({ id, sopUID: `sop-${id}`, answer: 'pneumonia', review: decision ? { decision, answer: decision === 'correct' ? 'normal' : '', comment: '', by: '', at: '' } : null }) as Finding;

test('what is undecided, what stands, what comes next', () => {
  const all = [finding('1', 'accept'), finding('2'), finding('3', 'reject'), finding('4')];
  assert.deepEqual(undecided(all).map((f) => f.id), ['2', '4']);
  assert.equal(nextUndecided(all, '2')?.id, '4');
  assert.equal(nextUndecided(all, '4')?.id, '2');
  assert.equal(nextUndecided([finding('1', 'accept')], '1'), null);
  assert.deepEqual([finding('1', 'accept'), finding('1', 'correct'), finding('1', 'reject')].map(standing), ['pneumonia', 'normal', '']);
});

test('a case opens with the object of its most urgent finding', () => {
  const series = (id: string, kind: string, result = false) => ({ seriesUID: id, result, instances: [{ sopUID: `sop-${id}`, kind }] });
  const base = { series: [series('r', 'report', true), series('1', 'image'), series('2', 'ecg')], assessment: { findings: [finding('9'), finding('2')] } } as unknown as Case;
  assert.equal(firstPlace(base)?.series.seriesUID, '2');
  assert.equal(firstPlace({ ...base, assessment: null })?.series.seriesUID, '1');
  assert.equal(firstPlace({ ...base, series: [] }), null);
  assert.equal(placeOf(base.series, 'nowhere'), null);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import type { FederationJob } from '../src/api/types.ts';
import { epsilon, left, progress, sees, standing } from '../src/federation/words.ts';

const job = (more: Partial<FederationJob> = {}) =>
  ({ id: 'retina', phase: 'running', outcome: '', round: 5, rounds: 20, epsilon: 0, budget: 0, ...more }) as FederationJob;

test('where a job stands', () => {
  assert.deepEqual(standing(job()), { text: 'Running', tone: 'accent' });
  assert.deepEqual(standing(job({ phase: 'proposed' })), { text: 'Waits for consent', tone: 'urgent' });
  assert.deepEqual(standing(job({ phase: 'finished', outcome: 'ok' })), { text: 'Finished', tone: 'good' });
  assert.deepEqual(standing(job({ phase: 'finished', outcome: 'failed' })), { text: 'Failed', tone: 'critical' });
  assert.deepEqual(standing(job({ phase: 'finished', outcome: 'aborted' })), { text: 'Aborted', tone: 'urgent' });
  assert.deepEqual(standing(job({ phase: '' })), { text: 'Cannot be read', tone: 'critical' });
  assert.deepEqual(standing(job({ phase: 'what' })), { text: 'what', tone: '' }, 'a phase of a newer node is shown as it is');
});

test('how far a job is', () => {
  assert.equal(progress(job()), 0.25);
  assert.equal(progress(job({ round: 99 })), 1);
  assert.equal(progress(job({ round: -3 })), 0);
  assert.equal(progress(job({ rounds: 0 })), null);
  assert.equal(progress(job({ phase: 'proposed' })), null);
});

test('how long a wait still has', () => {
  const now = new Date('2026-03-02T08:00:00Z');
  const at = (s: number) => new Date(now.getTime() + s * 1000).toISOString();
  assert.equal(left(at(40), now), '40 s left');
  assert.equal(left(at(130), now), '2 min left');
  assert.equal(left(at(26 * 3600), now), '26 h left');
  assert.equal(left(at(8 * 86_400), now), '8 d left');
  assert.equal(left(at(-40), now), 'overdue by 40 s');
  assert.equal(left(null, now), '');
  assert.equal(left('nonsense', now), '');
});

test('what was spent, and who sees what', () => {
  assert.equal(epsilon(job({ epsilon: 4.3812, budget: 8 })), '4.38 of 8');
  assert.equal(epsilon(job()), '');
  assert.match(sees('plain'), /each site/);
  assert.equal(sees('masks'), sees('ckks'));
  assert.equal(sees('other'), '');
});

// What the list of federation jobs says. Pure, so that the test can read it.
import type { FederationJob } from '../api/types.ts';

export type Tone = '' | 'accent' | 'good' | 'urgent' | 'critical';

/** standing says in a word where a job is in its life, and in which colour. */
export function standing(j: FederationJob): { text: string; tone: Tone } {
  if (j.phase === '') return { text: 'Cannot be read', tone: 'critical' };
  if (j.phase === 'running') return { text: 'Running', tone: 'accent' };
  if (j.phase === 'proposed') return { text: 'Waits for consent', tone: 'urgent' };
  if (j.phase === 'draft') return { text: 'Draft', tone: '' };
  if (j.phase !== 'finished') return { text: j.phase, tone: '' };
  if (j.outcome === 'ok') return { text: 'Finished', tone: 'good' };
  return j.outcome === 'aborted' ? { text: 'Aborted', tone: 'urgent' } : { text: 'Failed', tone: 'critical' };
}

/** sees says in one sentence who sees what of a site. */
export function sees(sum: string): string {
  if (sum === 'plain') return 'The hub sees each site’s update';
  if (sum === 'masks' || sum === 'ckks') return 'The hub learns one sum a round';
  return '';
}

/** progress is the share of rounds that were begun, 0 to 1; null where there is none to show. */
export function progress(j: FederationJob): number | null {
  if (j.rounds < 1 || (j.phase !== 'running' && j.phase !== 'finished')) return null;
  return Math.min(Math.max(j.round / j.rounds, 0), 1);
}

/** left says how long a wait still has: "2 min left", "overdue by 40 s". */
export function left(until: string | null, now: Date): string {
  const at = until === null ? Number.NaN : new Date(until).getTime();
  if (Number.isNaN(at)) return '';
  const s = Math.round((at - now.getTime()) / 1000);
  const n = Math.abs(s);
  const text = n < 100 ? `${n} s` : n < 6000 ? `${Math.round(n / 60)} min` : n < 172_800 ? `${Math.round(n / 3600)} h` : `${Math.round(n / 86_400)} d`;
  return s >= 0 ? `${text} left` : `overdue by ${text}`;
}

/** epsilon writes what was spent, "4.38 of 8"; '' where no noise was promised. */
export function epsilon(j: FederationJob): string {
  if (!(j.budget > 0)) return '';
  const three = (v: number) => String(Number(v.toPrecision(3)));
  return `${three(j.epsilon)} of ${three(j.budget)}`;
}

// What has been decided about a study's findings. Pure functions.

import type { Case, Finding, Instance, Series } from '../api/types.ts';

export const undecided = (findings: readonly Finding[]): Finding[] => findings.filter((f) => f.review === null);

/** nextUndecided is the finding to go to after one was decided: the next below it, else the first above. */
export function nextUndecided(findings: readonly Finding[], after: string): Finding | null {
  const at = findings.findIndex((f) => f.id === after);
  const order = [...findings.slice(at + 1), ...findings.slice(0, Math.max(0, at))];
  return order.find((f) => f.review === null) ?? null;
}

/** standing is what counts after the review: the model's answer, the correction, or nothing. */
export function standing(f: Finding): string {
  if (f.review?.decision === 'reject') return '';
  if (f.review?.decision === 'correct') return f.review.answer;
  return f.answer;
}

export interface Place {
  series: Series;
  instance: Instance;
}

/** placeOf finds the object that a finding is about. */
export function placeOf(series: readonly Series[], sopUID: string): Place | null {
  for (const s of series) {
    const instance = s.instances.find((i) => i.sopUID === sopUID);
    if (instance) return { series: s, instance };
  }
  return null;
}

/** firstPlace is what the case page opens with: the most urgent finding's object, else the first that has pixels or waves. */
export function firstPlace(c: Case): Place | null {
  for (const f of c.assessment?.findings ?? []) {
    const place = placeOf(c.series, f.sopUID);
    if (place) return place;
  }
  const shown = ['image', 'ecg', 'sound'];
  for (const s of c.series) {
    const instance = s.instances.find((i) => shown.includes(i.kind));
    if (instance && !s.result) return { series: s, instance };
  }
  const s = c.series.find((one) => one.instances.length > 0);
  return s ? { series: s, instance: s.instances[0]! } : null;
}

// The worklist's filters live in the address, so that a view can be kept and sent.

import type { Row, Urgency, WorklistQuery } from '../api/types.ts';
import { day } from '../format/format.ts';

export interface Filters {
  state: string;
  modality: string;
  urgency: string;
  date: string; // '', 'today', '7', '30', or 'YYYYMMDD-YYYYMMDD' (either end may be missing)
  q: string;
  page: number; // from 0
}

export const PAGE = 50;
export const NONE: Filters = { state: '', modality: '', urgency: '', date: '', q: '', page: 0 };

export function fromAddress(search: string): Filters {
  const p = new URLSearchParams(search);
  const page = Number(p.get('page') ?? '1');
  return {
    state: p.get('state') ?? '',
    modality: p.get('modality') ?? '',
    urgency: p.get('urgency') ?? '',
    date: p.get('date') ?? '',
    q: p.get('q') ?? '',
    page: Number.isInteger(page) && page > 0 ? page - 1 : 0,
  };
}

export function toAddress(f: Filters): string {
  const p = new URLSearchParams();
  for (const key of ['state', 'modality', 'urgency', 'date', 'q'] as const) if (f[key] !== '') p.set(key, f[key]);
  if (f.page > 0) p.set('page', String(f.page + 1));
  const text = p.toString();
  return text === '' ? '/' : `/?${text}`;
}

export const isFiltered = (f: Filters): boolean => toAddress({ ...f, page: 0 }) !== '/';

/** range turns the date filter into first and last study date. */
export function range(date: string, today: Date): { from: string; to: string } {
  const back = (days: number) => day(new Date(today.getFullYear(), today.getMonth(), today.getDate() - days));
  if (date === 'today') return { from: back(0), to: back(0) };
  if (/^\d{1,3}$/.test(date)) return { from: back(Number(date) - 1), to: back(0) };
  const m = /^(\d{8})?-(\d{8})?$/.exec(date);
  return { from: m?.[1] ?? '', to: m?.[2] ?? '' };
}

export function toQuery(f: Filters, today: Date): WorklistQuery {
  const { from, to } = range(f.date, today);
  return { state: f.state, modality: f.modality, urgency: f.urgency, q: f.q, from, to, limit: PAGE, offset: f.page * PAGE };
}

const RANK: Record<Urgency, number> = { critical: 0, urgent: 1, routine: 2, none: 3 };

/**
 * merge puts a changed row into the list where it stands; false means that the
 * list must be asked for again, because the row is new or its place has changed.
 */
export function merge(rows: readonly Row[], changed: Row): { rows: Row[]; settled: boolean } {
  const at = rows.findIndex((r) => r.studyUID === changed.studyUID);
  if (at < 0) return { rows: [...rows], settled: false };
  const old = rows[at]!;
  const next = [...rows];
  next[at] = changed;
  return { rows: next, settled: RANK[old.urgency] === RANK[changed.urgency] && old.state === changed.state };
}

// Where the leads of an ECG lie on paper, in millimetres: 25 mm are one
// second, 10 mm are one millivolt (the usual scale; IEC 60601-2-25).

export const MM_PER_SECOND = 25;
export const MM_PER_MILLIVOLT = 10;

export type Arrangement = '3x4' | 'stacked';

/** Strip is one lead, for a time, on a line. */
export interface Strip {
  lead: number; // index into the leads
  name: string;
  start: number; // s
  end: number;
  x: number; // mm, where start lies
  y: number; // mm, where 0 mV lies
}

export interface Layout {
  strips: Strip[];
  lines: number[]; // mm, where 0 mV of each line lies; the calibration pulse stands there
  width: number; // mm
  height: number;
}

const COLUMNS = [
  ['I', 'II', 'III'],
  ['aVR', 'aVL', 'aVF'],
  ['V1', 'V2', 'V3'],
  ['V4', 'V5', 'V6'],
];
const RHYTHM = 'II';

export const MARGIN = 12; // mm at the left, for the calibration pulse
const EDGE = 4; // mm at the other sides

const at = (names: readonly string[], name: string): number => names.findIndex((n) => n.toLowerCase() === name.toLowerCase());

/** isTwelveLead says whether the twelve standard leads are all there, so that 3x4 can be drawn. */
export const isTwelveLead = (names: readonly string[]): boolean => COLUMNS.flat().every((n) => at(names, n) >= 0);

/**
 * layout places the leads for the seconds from start to start + seconds. Lines
 * are lineHeight mm apart. 3x4 without the twelve leads becomes stacked.
 */
export function layout(arrangement: Arrangement, names: readonly string[], start: number, seconds: number, lineHeight: number): Layout {
  const width = MARGIN + seconds * MM_PER_SECOND + EDGE;
  const line = (n: number) => EDGE + lineHeight * (n + 0.5);
  if (arrangement === 'stacked' || !isTwelveLead(names)) {
    const strips = names.map((name, i) => ({ lead: i, name, start, end: start + seconds, x: MARGIN, y: line(i) }));
    return { strips, lines: names.map((_, i) => line(i)), width, height: 2 * EDGE + lineHeight * names.length };
  }
  const part = seconds / COLUMNS.length;
  const strips: Strip[] = COLUMNS.flatMap((column, c) =>
    column.map((name, r) => ({
      lead: at(names, name), name, start: start + c * part, end: start + (c + 1) * part, x: MARGIN + c * part * MM_PER_SECOND, y: line(r),
    })),
  );
  strips.push({ lead: at(names, RHYTHM), name: RHYTHM, start, end: start + seconds, x: MARGIN, y: line(3) });
  return { strips, lines: [0, 1, 2, 3].map(line), width, height: 2 * EDGE + lineHeight * 4 };
}

/** Measure is what the calipers read between two points of the paper. */
export interface Measure {
  ms: number;
  mV: number;
  rate: number | null; // beats a minute, when the interval is one beat
}

/** measure reads a distance of dx, dy mm, at a gain (1 = 10 mm/mV). */
export function measure(dx: number, dy: number, gain: number): Measure {
  const ms = Math.abs(dx) / MM_PER_SECOND * 1000;
  return { ms, mV: Math.abs(dy) / (MM_PER_MILLIVOLT * gain), rate: ms >= 150 ? 60000 / ms : null };
}

/**
 * thin reduces samples to at most two a pixel column, the lowest and the
 * highest in their order, so that no peak is lost however small the drawing.
 * It gives [index, value] pairs.
 */
export function thin(samples: ArrayLike<number>, from: number, to: number, columns: number): [number, number][] {
  const first = Math.max(0, Math.floor(from));
  const last = Math.min(samples.length, Math.ceil(to));
  const out: [number, number][] = [];
  const step = (last - first) / Math.max(1, columns);
  if (step <= 2) {
    for (let i = first; i < last; i++) out.push([i, samples[i]!]);
    return out;
  }
  for (let c = 0; c < columns; c++) {
    const a = Math.floor(first + c * step);
    const b = Math.min(last, Math.max(a + 1, Math.floor(first + (c + 1) * step)));
    let low = a;
    let high = a;
    for (let i = a; i < b; i++) {
      if (samples[i]! < samples[low]!) low = i;
      if (samples[i]! > samples[high]!) high = i;
    }
    const [p, q] = low < high ? [low, high] : [high, low];
    out.push([p, samples[p]!]);
    if (q !== p) out.push([q, samples[q]!]);
  }
  return out;
}

/** millivolts gives the factor from a lead's unit to millivolts; null when the unit is no voltage. */
export function millivolts(unit: string): number | null {
  const factors: Record<string, number> = { mv: 1, uv: 0.001, 'µv': 0.001, 'μv': 0.001, v: 1000, '': 1 };
  return factors[unit.toLowerCase()] ?? null;
}

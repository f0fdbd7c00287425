// Draws an ECG on a canvas: paper, leads, marked segments, calipers.

import type { Lead, Segment } from '../api/types.ts';
import { MARGIN, millivolts, MM_PER_MILLIVOLT, MM_PER_SECOND, thin, type Layout, type Strip } from './layout.ts';

export interface Paper {
  background: string;
  fine: string;
  bold: string;
  ink: string;
  text: string;
  mark: string;
  font: string;
}

/** paper reads the colours of the scheme that the page has now. */
export function paper(element: Element): Paper {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return { background: of('--paper'), fine: of('--paper-fine'), bold: of('--paper-bold'), ink: of('--paper-ink'), text: of('--paper-text'), mark: of('--paper-mark'), font: of('--font') };
}

export interface Sheet {
  layout: Layout;
  leads: Lead[];
  rate: number; // Hz
  gain: number; // 1 = 10 mm/mV
  segments: Segment[];
  lineHeight: number; // mm
  scale: number; // CSS pixels a millimetre
  paper: Paper;
}

/** size gives the sheet on a canvas, sharp on screens with more pixels than CSS ones. */
export function size(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = canvas.getContext('2d')!;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}

export function draw(canvas: HTMLCanvasElement, s: Sheet, width: number, height: number): void {
  const g = size(canvas, width, height);
  g.fillStyle = s.paper.background;
  g.fillRect(0, 0, width, height);
  grid(g, s, width, height, 1, s.paper.fine);
  grid(g, s, width, height, 5, s.paper.bold);
  for (const strip of s.layout.strips) marks(g, s, strip);
  for (const y of s.layout.lines) pulse(g, s, y);
  for (const strip of s.layout.strips) trace(g, s, strip);
  for (const strip of s.layout.strips) name(g, s, strip);
}

function grid(g: CanvasRenderingContext2D, s: Sheet, width: number, height: number, every: number, colour: string): void {
  if (every * s.scale < 2.2) return; // millimetres too small to be told apart would be a grey area
  g.beginPath();
  const sharp = (v: number) => Math.round(v) + 0.5;
  const left = (MARGIN % 5) * s.scale; // a bold line goes through the first sample
  for (let x = left; x <= width; x += every * s.scale) { g.moveTo(sharp(x), 0); g.lineTo(sharp(x), height); }
  for (let y = 0; y <= height; y += every * s.scale) { g.moveTo(0, sharp(y)); g.lineTo(width, sharp(y)); }
  g.strokeStyle = colour;
  g.lineWidth = 1;
  g.stroke();
}

/** The pulse is 1 mV high and 0.2 s long: it shows the scale. */
function pulse(g: CanvasRenderingContext2D, s: Sheet, y: number): void {
  const mm = s.scale;
  const top = (y - MM_PER_MILLIVOLT * s.gain) * mm;
  g.beginPath();
  g.moveTo(2 * mm, y * mm);
  g.lineTo(3.5 * mm, y * mm);
  g.lineTo(3.5 * mm, top);
  g.lineTo(8.5 * mm, top);
  g.lineTo(8.5 * mm, y * mm);
  g.lineTo(10 * mm, y * mm);
  g.strokeStyle = s.paper.ink;
  g.lineWidth = 1.1;
  g.stroke();
}

function marks(g: CanvasRenderingContext2D, s: Sheet, strip: Strip): void {
  const most = Math.max(...s.segments.map((m) => m.score), 1e-9);
  for (const m of s.segments) {
    if (m.lead !== '' && m.lead.toLowerCase() !== strip.name.toLowerCase()) continue;
    const a = Math.max(m.start, strip.start);
    const b = Math.min(m.end, strip.end);
    if (b <= a) continue;
    const x = (strip.x + (a - strip.start) * MM_PER_SECOND) * s.scale;
    g.globalAlpha = 0.35 + 0.65 * Math.max(0, m.score / most); // the strongest is the darkest, however small its share
    g.fillStyle = s.paper.mark;
    g.fillRect(x, (strip.y - s.lineHeight / 2 + 1) * s.scale, (b - a) * MM_PER_SECOND * s.scale, (s.lineHeight - 2) * s.scale);
    g.globalAlpha = 1;
  }
}

function trace(g: CanvasRenderingContext2D, s: Sheet, strip: Strip): void {
  const lead = s.leads[strip.lead];
  if (!lead) return;
  const height = (millivolts(lead.unit) ?? 1) * MM_PER_MILLIVOLT * s.gain * s.scale;
  const columns = (strip.end - strip.start) * MM_PER_SECOND * s.scale * (window.devicePixelRatio || 1);
  g.save();
  g.beginPath();
  g.rect(strip.x * s.scale, 0, (strip.end - strip.start) * MM_PER_SECOND * s.scale, Number.MAX_SAFE_INTEGER);
  g.clip();
  g.beginPath();
  let gap = true; // a sample that is no number leaves a gap
  for (const [i, v] of thin(lead.samples, strip.start * s.rate, strip.end * s.rate + 1, columns)) {
    if (!Number.isFinite(v)) { gap = true; continue; }
    const x = (strip.x + (i / s.rate - strip.start) * MM_PER_SECOND) * s.scale;
    const y = strip.y * s.scale - v * height;
    if (gap) g.moveTo(x, y);
    else g.lineTo(x, y);
    gap = false;
  }
  g.strokeStyle = s.paper.ink;
  g.lineWidth = 1.15;
  g.lineJoin = 'round';
  g.stroke();
  g.restore();
}

function name(g: CanvasRenderingContext2D, s: Sheet, strip: Strip): void {
  const x = (strip.x + 1.2) * s.scale;
  const y = (strip.y - s.lineHeight / 2 + 1.6) * s.scale + 10;
  g.font = `650 12px ${s.paper.font}`;
  g.lineWidth = 3;
  g.strokeStyle = s.paper.background;
  g.strokeText(strip.name, x, y);
  g.fillStyle = s.paper.text;
  g.fillText(strip.name, x, y);
  if (strip.x > MARGIN) {
    g.beginPath();
    g.moveTo(strip.x * s.scale, (strip.y - 4) * s.scale);
    g.lineTo(strip.x * s.scale, (strip.y + 4) * s.scale);
    g.strokeStyle = s.paper.ink;
    g.lineWidth = 0.8;
    g.stroke();
  }
}

/** calipers draws the two points and the box between them. */
export function calipers(canvas: HTMLCanvasElement, width: number, height: number, points: [number, number, number, number] | null, colour: string): void {
  const g = size(canvas, width, height);
  g.clearRect(0, 0, width, height);
  if (!points) return;
  const [x0, y0, x1, y1] = points;
  g.strokeStyle = colour;
  g.lineWidth = 1.2;
  g.beginPath();
  for (const x of [x0, x1]) { g.moveTo(x, 0); g.lineTo(x, height); }
  g.stroke();
  g.setLineDash([4, 3]);
  g.beginPath();
  for (const y of [y0, y1]) { g.moveTo(Math.min(x0, x1), y); g.lineTo(Math.max(x0, x1), y); }
  g.stroke();
  g.globalAlpha = 0.08;
  g.fillStyle = colour;
  g.fillRect(Math.min(x0, x1), 0, Math.abs(x1 - x0), height);
}

// Draws a sound: its wave above, its spectrogram below, the marked segments over both.

import type { Segment } from '../api/types.ts';
import { size } from '../ecg/draw.ts';
import { peaks, spectrogram } from './spectrum.ts';

const WAVE = 0.32; // share of the height
const AXIS = 18; // px under each part

// From silence to the loudest: dark to light, even steps of lightness.
const STOPS: [number, number, number][] = [[4, 8, 14], [16, 36, 66], [22, 82, 104], [44, 138, 122], [150, 190, 92], [252, 226, 130], [255, 250, 232]];

function colour(level: number): [number, number, number] {
  const at = Math.min(STOPS.length - 1.001, Math.max(0, level * (STOPS.length - 1)));
  const [a, b] = [STOPS[Math.floor(at)]!, STOPS[Math.floor(at) + 1]!];
  const t = at - Math.floor(at);
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

/** nice gives a step of 1, 2 or 5 times a power of ten that makes about count parts of a range. */
export function nice(range: number, count: number): number {
  const raw = range / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10) * power;
}

export function drawSound(canvas: HTMLCanvasElement, sound: AudioBuffer, segments: Segment[], width: number, height: number): void {
  const g = size(canvas, width, height);
  const style = getComputedStyle(canvas);
  const of = (name: string) => style.getPropertyValue(name).trim();
  const samples = sound.getChannelData(0);
  const top = Math.round(height * WAVE);
  g.fillStyle = of('--box');
  g.fillRect(0, 0, width, height);
  wave(g, samples, width, top, of('--box-accent'), of('--box-line'));
  spectrum(g, samples, width, top + AXIS, height - top - 2 * AXIS);
  axes(g, sound, width, top, height, of('--box-muted'), of('--font'));
  const most = Math.max(...segments.map((m) => m.score), 1e-9);
  for (const m of segments) {
    const x = (m.start / sound.duration) * width;
    const w = Math.max(2, ((m.end - m.start) / sound.duration) * width);
    g.fillStyle = of('--box-mark');
    g.globalAlpha = 0.08 + 0.16 * Math.max(0, m.score / most);
    g.fillRect(x, 0, w, height - AXIS);
    g.globalAlpha = 1;
    g.fillRect(x, 0, w, 3);
  }
}

function wave(g: CanvasRenderingContext2D, samples: Float32Array, width: number, height: number, ink: string, line: string): void {
  const columns = peaks(samples, Math.max(1, Math.floor(width)));
  const loudest = Math.max(0.001, ...columns.map(([low, high]) => Math.max(-low, high)));
  const middle = height / 2;
  g.fillStyle = line;
  g.fillRect(0, middle, width, 1);
  g.fillStyle = ink;
  columns.forEach(([low, high], x) => {
    const y = middle - (high / loudest) * (middle - 10);
    g.fillRect(x, y, 1, Math.max(1, ((high - low) / loudest) * (middle - 10)));
  });
}

const MOST_COLUMNS = 900;

function spectrum(g: CanvasRenderingContext2D, samples: Float32Array, width: number, top: number, height: number): void {
  const s = spectrogram(samples, 512, Math.max(1, Math.min(MOST_COLUMNS, Math.floor(width))));
  const picture = new ImageData(s.columns, s.bins);
  for (let c = 0; c < s.columns; c++) {
    for (let b = 0; b < s.bins; b++) {
      const [r, gr, bl] = colour(s.level[c * s.bins + b]!);
      const at = ((s.bins - 1 - b) * s.columns + c) * 4;
      picture.data.set([r, gr, bl, 255], at);
    }
  }
  const off = new OffscreenCanvas(s.columns, s.bins);
  off.getContext('2d')!.putImageData(picture, 0, 0);
  g.imageSmoothingEnabled = true;
  g.drawImage(off, 0, top, width, height);
}

function axes(g: CanvasRenderingContext2D, sound: AudioBuffer, width: number, top: number, height: number, ink: string, font: string): void {
  g.font = `11px ${font}`;
  g.fillStyle = ink;
  g.textBaseline = 'middle';
  const step = nice(sound.duration, width / 110);
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  for (let t = step; t < sound.duration - step / 3; t += step) {
    const x = (t / sound.duration) * width;
    g.fillRect(x, top, 1, 4);
    g.fillRect(x, height - AXIS, 1, 4);
    g.textAlign = 'center';
    g.fillText(`${t.toFixed(digits)} s`, x, top + AXIS / 2 + 1);
    g.fillText(`${t.toFixed(digits)} s`, x, height - AXIS / 2 + 1);
  }
  const half = sound.sampleRate / 2;
  const spectrumTop = top + AXIS;
  const spectrumHeight = height - top - 2 * AXIS;
  const every = nice(half, spectrumHeight / 55);
  g.textAlign = 'left';
  for (let f = every; f < half; f += every) {
    const y = spectrumTop + spectrumHeight * (1 - f / half);
    g.fillRect(0, y, 5, 1);
    g.fillText(`${f / 1000} kHz`, 9, y);
  }
}

import assert from 'node:assert/strict';
import test from 'node:test';
import { isTwelveLead, layout, MARGIN, measure, millivolts, thin } from '../src/ecg/layout.ts';
import { fromCorners, scale } from '../src/image/affine.ts';
import { centreWidth, presets } from '../src/image/presets.ts';
import { nice } from '../src/sound/draw.ts';
import { fft, peaks, spectrogram, wavRate } from '../src/sound/spectrum.ts';

const TWELVE = ['I', 'II', 'III', 'AVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'];

test('3x4: four columns of 2.5 s that run on in time, and a rhythm strip of lead II', () => {
  const l = layout('3x4', TWELVE, 0, 10, 30);
  assert.equal(l.strips.length, 13);
  assert.equal(l.lines.length, 4);
  assert.equal(l.width, MARGIN + 250 + 4);
  const v1 = l.strips.find((s) => s.name === 'V1')!;
  assert.deepEqual([v1.start, v1.end, v1.x, TWELVE[v1.lead]], [5, 7.5, MARGIN + 125, 'V1']);
  const rhythm = l.strips.at(-1)!;
  assert.deepEqual([rhythm.name, rhythm.start, rhythm.end, rhythm.y], ['II', 0, 10, l.lines[3]]);
  assert.equal(l.strips.find((s) => s.name === 'aVR')!.lead, 3, 'lead names are compared without case');
});

test('stacked: every lead for the whole time; so is 3x4 without the twelve leads', () => {
  for (const l of [layout('stacked', ['MLII', 'V5'], 3, 10, 20), layout('3x4', ['MLII', 'V5'], 3, 10, 20)]) {
    assert.deepEqual(l.strips.map((s) => [s.name, s.start, s.end, s.x]), [['MLII', 3, 13, MARGIN], ['V5', 3, 13, MARGIN]]);
  }
  assert.ok(isTwelveLead(TWELVE));
  assert.ok(!isTwelveLead(TWELVE.slice(1)));
});

test('calipers: 25 mm are a second, 10 mm a millivolt', () => {
  assert.deepEqual(measure(25, -10, 1), { ms: 1000, mV: 1, rate: 60 });
  assert.deepEqual(measure(-20, 10, 2), { ms: 800, mV: 0.5, rate: 75 });
  assert.equal(measure(1, 0, 1).rate, null, 'no heart beats 1,500 times a minute');
});

test('thinning keeps every peak', () => {
  const samples = new Float32Array(5000);
  samples[1234] = 5;
  samples[4000] = -7;
  const few = thin(samples, 0, 5000, 100);
  assert.ok(few.length <= 200);
  assert.ok(few.some(([i, v]) => i === 1234 && v === 5));
  assert.ok(few.some(([i, v]) => i === 4000 && v === -7));
  assert.ok(few.every(([i], n) => n === 0 || i > few[n - 1]![0]), 'in order of time');
  assert.equal(thin([1, 2, 3], 0, 99, 10).length, 3);
  assert.equal(thin([], 0, 10, 10).length, 0);
  assert.equal(millivolts('uV'), 0.001);
  assert.equal(millivolts('mmHg'), null);
});

test('the overlay’s map takes the image’s corners to where they are on the canvas', () => {
  const m = fromCorners([10, 20], [110, 20], [10, 220], 50, 100);
  assert.deepEqual(m, { a: 2, b: 0, c: 0, d: 2, e: 10, f: 20 });
  assert.equal(scale(m), 2);
  const turned = fromCorners([0, 100], [0, 0], [100, 100], 10, 10);
  assert.deepEqual([turned.a, turned.b, turned.c, turned.d], [0, -10, 10, 0]);
});

test('window presets', () => {
  const range = { lower: 0, upper: 4095 };
  const stored = { lower: 1000, upper: 3000 };
  assert.deepEqual(presets('CT')[0]!.window(range, stored), { lower: -1350, upper: 150 });
  assert.deepEqual(presets('CR')[0]!.window(range, stored), stored);
  assert.deepEqual(presets('DX')[1]!.window(range, stored), range);
  assert.deepEqual(centreWidth(stored), { centre: 2000, width: 2000 });
});

test('Fourier: one tone is one line, and energy is kept', () => {
  const n = 64;
  const re = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * 5 * i) / n));
  const im = new Float64Array(n);
  const before = re.reduce((s, v) => s + v * v, 0);
  fft(re, im);
  const power = [...re].map((v, i) => v * v + im[i]! * im[i]!);
  assert.ok(Math.abs(power.reduce((a, b) => a + b) / n - before) < 1e-9);
  assert.deepEqual(power.map((p, i) => [p, i] as const).filter(([p]) => p > 1).map(([, i]) => i), [5, n - 5]);
  assert.throws(() => fft(new Float64Array(6), new Float64Array(6)), RangeError);
});

test('spectrogram: a tone of 1 kHz stands at 1 kHz all the time', () => {
  const rate = 8000;
  const tone = Float32Array.from({ length: rate }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / rate));
  const s = spectrogram(tone, 512, 20);
  for (let c = 1; c < 19; c++) {
    const column = [...s.level.subarray(c * s.bins, (c + 1) * s.bins)];
    assert.equal((column.indexOf(Math.max(...column)) * rate) / 512, 1000);
  }
  assert.ok(spectrogram(new Float32Array(0), 512, 3).level.every((v) => v === 0 || Number.isFinite(v)));
  assert.deepEqual(peaks(Float32Array.of(0, 1, -1, 0.5), 2), [[0, 1], [-1, 0.5]]);
  assert.equal(peaks(new Float32Array(0), 2).length, 2);
});

test('a WAV header tells its rate, wherever its chunk stands; what is none tells nothing', () => {
  const wav = new DataView(new ArrayBuffer(64));
  const put = (at: number, text: string) => [...text].forEach((c, i) => wav.setUint8(at + i, c.charCodeAt(0)));
  put(0, 'RIFF'); put(8, 'WAVE'); put(12, 'LIST'); wav.setUint32(16, 3, true); put(24, 'fmt '); wav.setUint32(28, 16, true); wav.setUint32(36, 16000, true);
  assert.equal(wavRate(wav.buffer), 16000);
  wav.setUint32(16, 0xffffffff, true);
  assert.equal(wavRate(wav.buffer), null);
  assert.equal(wavRate(new ArrayBuffer(3)), null);
});

test('steps of an axis are 1, 2 or 5', () => {
  assert.equal(nice(8000, 4), 2000);
  assert.equal(nice(4, 7), 1);
  assert.equal(nice(0.7, 7), 0.1);
  assert.equal(nice(9, 2), 5);
});

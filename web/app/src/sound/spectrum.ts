// Short-time Fourier analysis of a sound, for the picture of it. Pure.

/** fft transforms 2^n complex values in place (Cooley and Tukey, radix 2). */
export function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  if (n === 0 || (n & (n - 1)) !== 0) throw new RangeError(`fft: ${n} is no power of two`);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  for (let len = 2; len <= n; len <<= 1) {
    const angle = (-2 * Math.PI) / len;
    for (let i = 0; i < n; i += len) {
      for (let k = 0; k < len / 2; k++) {
        const wr = Math.cos(angle * k);
        const wi = Math.sin(angle * k);
        const a = i + k;
        const b = a + len / 2;
        const xr = re[b]! * wr - im[b]! * wi;
        const xi = re[b]! * wi + im[b]! * wr;
        re[b] = re[a]! - xr;
        im[b] = im[a]! - xi;
        re[a]! += xr;
        im[a]! += xi;
      }
    }
  }
}

export interface Spectrogram {
  columns: number;
  bins: number; // from 0 Hz to half the sampling rate
  level: Float32Array; // 0..1 for floor..peak, column by column, lowest frequency first
}

const FLOOR = 70; // dB below the loudest bin

/** spectrogram takes Hann windows of size samples (a power of two), evenly over the sound. */
export function spectrogram(samples: Float32Array, size: number, columns: number): Spectrogram {
  const bins = size / 2;
  const level = new Float32Array(columns * bins);
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  let peak = 1e-12;
  for (let c = 0; c < columns; c++) {
    const middle = Math.round(((c + 0.5) / columns) * samples.length);
    for (let i = 0; i < size; i++) {
      re[i] = (samples[middle - size / 2 + i] ?? 0) * window[i]!;
      im[i] = 0;
    }
    fft(re, im);
    for (let b = 0; b < bins; b++) {
      const power = re[b]! * re[b]! + im[b]! * im[b]!;
      level[c * bins + b] = power;
      if (power > peak) peak = power;
    }
  }
  for (let i = 0; i < level.length; i++) {
    const dB = 10 * Math.log10(Math.max(level[i]!, 1e-20) / peak);
    level[i] = Math.max(0, 1 + dB / FLOOR);
  }
  return { columns, bins, level };
}

/** peaks gives the lowest and highest sample of each column. */
export function peaks(samples: Float32Array, columns: number): [number, number][] {
  return Array.from({ length: columns }, (_, c): [number, number] => {
    const a = Math.floor((c / columns) * samples.length);
    const b = Math.max(a + 1, Math.floor(((c + 1) / columns) * samples.length));
    let low = Infinity;
    let high = -Infinity;
    for (let i = a; i < b && i < samples.length; i++) {
      low = Math.min(low, samples[i]!);
      high = Math.max(high, samples[i]!);
    }
    return low > high ? [0, 0] : [low, high];
  });
}

/** wavRate reads the sampling rate from a RIFF header; null when it is none. */
export function wavRate(file: ArrayBuffer): number | null {
  if (file.byteLength < 28) return null;
  const v = new DataView(file);
  const isWave = v.getUint32(0) === 0x52494646 && v.getUint32(8) === 0x57415645; // "RIFF", "WAVE"
  let at = 12;
  while (isWave && at + 16 <= file.byteLength) {
    const size = v.getUint32(at + 4, true);
    if (v.getUint32(at) === 0x666d7420) return v.getUint32(at + 12, true); // "fmt "
    at += 8 + size + (size & 1);
  }
  return null;
}

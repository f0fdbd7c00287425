// What `consilium demo` generates, read for the mock: one chest film (DICOM),
// one ECG (WFDB), one cough (WAV). All of it is synthetic.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const need = createRequire(new URL('../../app/package.json', import.meta.url));
const { parseDicom } = need('dicom-parser');

/** material reads the demo's files from folder; without one it runs the program. */
export function material(folder = process.env.CONSILIUM_DEMO) {
  let at = folder;
  if (!at) {
    const program = process.env.CONSILIUM_BIN ?? join(root, 'bin', 'consilium');
    if (!existsSync(program)) throw new Error('bin/consilium is missing: run `make build`, or name a folder of `consilium demo` in CONSILIUM_DEMO');
    at = mkdtempSync(join(tmpdir(), 'consilium-mock-'));
    execFileSync(program, ['demo', '--once', '--out', at], { stdio: 'ignore', timeout: 120_000 });
  }
  return {
    film: film(readFileSync(join(at, 'patient', 'film.dcm'))),
    ecg: ecg(readFileSync(join(at, 'patient', 'ecg.hea'), 'latin1'), readFileSync(join(at, 'patient', 'ecg.dat'))),
    sound: readFileSync(join(at, 'patient', 'cough.wav')),
    pictures: {
      film: readFileSync(join(at, 'heat-maps', 'film-pneumonia-integrated-gradients.png')),
      ecg: readFileSync(join(at, 'heat-maps', 'ecg-ecg-integrated-gradients.png')),
      sound: readFileSync(join(at, 'heat-maps', 'cough-cough-integrated-gradients.png')),
    },
  };
}

const NUMBERS = new Set(['US', 'SS', 'UL', 'SL', 'FL', 'FD']);

/** film gives the DICOM JSON model of a file's plain attributes, and its one uncompressed frame. */
function film(file) {
  const set = parseDicom(new Uint8Array(file));
  const json = {};
  for (const e of Object.values(set.elements)) {
    const tag = e.tag.slice(1).toUpperCase();
    if (tag.startsWith('0002') || tag === '7FE00010' || !e.vr || e.vr === 'SQ' || e.length === 0) continue;
    if (NUMBERS.has(e.vr)) json[tag] = { vr: e.vr, Value: [numberOf(set, e)] };
    else if (['DS', 'IS'].includes(e.vr)) json[tag] = { vr: e.vr, Value: set.string(e.tag).split('\\').map(Number) };
    else if (e.vr === 'PN') json[tag] = { vr: e.vr, Value: [{ Alphabetic: set.string(e.tag) }] };
    else if (!['OB', 'OW', 'UN'].includes(e.vr)) json[tag] = { vr: e.vr, Value: (set.string(e.tag) ?? '').split('\\') };
  }
  const pixels = set.elements.x7fe00010;
  return { json, frame: Buffer.from(file.subarray(pixels.dataOffset, pixels.dataOffset + pixels.length)), syntax: set.string('x00020010') };
}

function numberOf(set, e) {
  return { US: 'uint16', SS: 'int16', UL: 'uint32', SL: 'int32', FL: 'float', FD: 'double' }[e.vr] && set[{ US: 'uint16', SS: 'int16', UL: 'uint32', SL: 'int32', FL: 'float', FD: 'double' }[e.vr]](e.tag);
}

/** ecg reads a WFDB record of format 16. */
function ecg(header, data) {
  const [first, ...lines] = header.split('\n');
  const [, count, rate, length] = first.split(' ').map(Number);
  const leads = lines.slice(0, count).map((line, channel) => {
    const parts = line.trim().split(/\s+/);
    const gain = parseFloat(parts[2]);
    const samples = Array.from({ length }, (_, i) => Math.round((data.readInt16LE((i * count + channel) * 2) / gain) * 1e4) / 1e4);
    return { name: parts.at(-1), unit: 'mV', samples };
  });
  return { kind: 'ecg', rate, leads };
}

import { useEffect, useMemo, useRef, useState, type PointerEvent } from 'react';
import * as api from '../api/client.ts';
import type { Row, Segment, Waveform } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { useTheme } from '../app/theme.ts';
import { useKeys } from '../app/useKeys.ts';
import { useSize } from '../ui/useSize.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty, Failed } from '../ui/state.tsx';
import { calipers, draw, paper } from './draw.ts';
import { isTwelveLead, layout, MARGIN, measure, MM_PER_SECOND, type Arrangement } from './layout.ts';
import './ecg.css';

interface Props {
  study: Row;
  sopUID: string;
  segments: Segment[];
}

export function ECGViewer({ study, sopUID, segments }: Props) {
  const wave = useQuery(`waveform ${sopUID}`, (signal) => api.waveform(sopUID, signal));
  if (wave.data === null) {
    return <div className="box fill"><div className="waiting">{wave.error ? <Failed error={wave.error} again={wave.reload} /> : <span className="spinner" role="status" aria-label="Loading the ECG" />}</div></div>;
  }
  if (wave.data.leads.length === 0) return <Empty icon="ecg" title="The recording has no lead" />;
  return <Strips study={study} wave={wave.data} segments={segments} />;
}

const SECONDS = 10; // on one sheet
const GAINS = [0.25, 0.5, 1, 2, 4];

function Strips({ study, wave, segments }: { study: Row; wave: Waveform; segments: Segment[] }) {
  const names = wave.leads.map((l) => l.name);
  const duration = Math.max(...wave.leads.map((l) => l.samples.length)) / wave.rate;
  const twelve = isTwelveLead(names);
  const [arrangement, setArrangement] = useState<Arrangement>(twelve ? '3x4' : 'stacked');
  const [gain, setGain] = useState(1);
  const [shown, setShown] = useState(true);
  const [start, setStart] = useState(0);
  const [points, setPoints] = useState<[number, number, number, number] | null>(null);
  const turn = (by: number) => setGain((g) => GAINS[Math.min(GAINS.length - 1, Math.max(0, GAINS.indexOf(g) + by))]!);
  const toggle = () => { setArrangement((a) => (a === '3x4' || !twelve ? 'stacked' : '3x4')); setPoints(null); };
  useKeys({
    'ecg.layout': toggle,
    'ecg.gain': () => turn(1),
    'ecg.lessGain': () => turn(-1),
    'ecg.calipers': () => setPoints(null),
    'ecg.segments': () => setShown((s) => !s),
  });
  return (
    <div className="wave-viewer">
      <div className="toolbar" role="toolbar" aria-label="ECG">
        <div className="group">
          <button type="button" aria-pressed={arrangement === '3x4'} disabled={!twelve} onClick={() => { setArrangement('3x4'); setPoints(null); }} title="Layout  l">3×4 + rhythm</button>
          <button type="button" aria-pressed={arrangement === 'stacked'} onClick={() => { setArrangement('stacked'); setPoints(null); }} title="Layout  l">Stacked</button>
        </div>
        <div className="group">
          <button type="button" onClick={() => turn(-1)} disabled={gain === GAINS[0]} aria-label="Less gain" title="Halve the gain  -">−</button>
          <span className="scale">25 mm/s&ensp;{10 * gain} mm/mV</span>
          <button type="button" onClick={() => turn(1)} disabled={gain === GAINS.at(-1)} aria-label="More gain" title="Double the gain  +">+</button>
        </div>
        <span className="hint">{points === null ? <><Icon name="ruler" />Drag to measure</> : <button type="button" onClick={() => setPoints(null)} title="Remove the calipers  x"><Icon name="cross" />Calipers</button>}</span>
        <div className="group overlays">
          <button type="button" aria-pressed={shown && segments.length > 0} disabled={segments.length === 0} onClick={() => setShown(!shown)} title="Marked segments  o"><Icon name="layers" /><span>Segments</span></button>
        </div>
      </div>
      <Sheet wave={wave} names={names} arrangement={arrangement} gain={gain} start={start} seconds={Math.min(SECONDS, duration)} segments={shown ? segments : []} points={points} setPoints={setPoints} />
      <div className="under">
        <span>{names.length} leads · {wave.rate} Hz · {duration.toFixed(1)} s</span>
        {duration > SECONDS + 0.05 && (
          <label className="row grow">From {start.toFixed(1)} s
            <input type="range" className="grow" min={0} max={duration - SECONDS} step={0.1} value={start} onChange={(e) => { setStart(Number(e.target.value)); setPoints(null); }} aria-label="Start" />
          </label>
        )}
        {study.synthetic && <span className="synthetic-tag">SYNTHETIC</span>}
      </div>
    </div>
  );
}

interface SheetProps {
  wave: Waveform;
  names: string[];
  arrangement: Arrangement;
  gain: number;
  start: number;
  seconds: number;
  segments: Segment[];
  points: [number, number, number, number] | null;
  setPoints: (p: [number, number, number, number] | null) => void;
}

const SMALLEST = 2.1; // CSS pixels a millimetre; below this the sheet scrolls
const LINE = { '3x4': [24, 58], stacked: [14, 34] } as const; // mm

function Sheet({ wave, names, arrangement, gain, start, seconds, segments, points, setPoints }: SheetProps) {
  const frame = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const box = useSize(frame);
  const scale = Math.max(SMALLEST, box.width / (MARGIN + seconds * MM_PER_SECOND + 4));
  const lines = arrangement === '3x4' ? 4 : names.length;
  const [least, most] = LINE[arrangement];
  const lineHeight = Math.min(most, Math.max(least, (box.height / scale - 8) / lines));
  const plan = useMemo(() => layout(arrangement, names, start, seconds, lineHeight), [arrangement, names.join(), start, seconds, lineHeight]);
  const width = Math.max(box.width, Math.floor(plan.width * scale));
  const height = Math.max(box.height, Math.floor(plan.height * scale));

  useEffect(() => {
    if (!sheet.current || box.width === 0) return;
    draw(sheet.current, { layout: plan, leads: wave.leads, rate: wave.rate, gain, segments, lineHeight, scale, paper: paper(sheet.current) }, width, height);
  }, [plan, wave, gain, segments, lineHeight, scale, width, height, theme, box.width]);
  useEffect(() => {
    if (marks.current && box.width > 0) calipers(marks.current, width, height, points, getComputedStyle(marks.current).getPropertyValue('--paper-caliper').trim());
  }, [points, width, height, theme, box.width]);

  const place = (e: PointerEvent<HTMLElement>): [number, number] => {
    const r = e.currentTarget.getBoundingClientRect();
    return [e.clientX - r.left, e.clientY - r.top];
  };
  const m = points ? measure((points[2] - points[0]) / scale, (points[3] - points[1]) / scale, gain) : null;
  return (
    <div ref={frame} className="sheet" tabIndex={0} aria-label={`ECG, ${names.length} leads`} role="img">
      <canvas ref={sheet} />
      <canvas
        ref={marks} className="marks"
        onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); const [x, y] = place(e); setPoints([x, y, x, y]); }}
        onPointerMove={(e) => { if (points && e.currentTarget.hasPointerCapture(e.pointerId)) { const [x, y] = place(e); setPoints([points[0], points[1], x, y]); } }}
        onPointerUp={() => { if (points && Math.hypot(points[2] - points[0], points[3] - points[1]) < 4) setPoints(null); }}
      />
      {m && points && (
        <output className="reading" style={{ left: Math.min(points[0], points[2]) + 8, top: Math.max(4, Math.min(points[1], points[3]) - 30) }}>
          {Math.round(m.ms)} ms{m.rate !== null && ` · ${Math.round(m.rate)}/min`} · {m.mV.toFixed(2)} mV
        </output>
      )}
    </div>
  );
}

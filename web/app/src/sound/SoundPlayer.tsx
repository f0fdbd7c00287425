import { useCallback, useEffect, useRef, useState, type PointerEvent } from 'react';
import * as api from '../api/client.ts';
import type { Row, Segment } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { useKeys } from '../app/useKeys.ts';
import { Icon } from '../ui/icons.tsx';
import { Failed } from '../ui/state.tsx';
import { useSize } from '../ui/useSize.ts';
import { drawSound } from './draw.ts';
import { wavRate } from './spectrum.ts';
import '../ecg/ecg.css';
import './sound.css';

interface Props {
  study: Row;
  sopUID: string;
  segments: Segment[];
}

const RATES = [8000, 96000]; // Hz, what an OfflineAudioContext must support

async function decode(sop: string, signal: AbortSignal): Promise<AudioBuffer> {
  const file = await api.sound(sop, signal);
  const rate = wavRate(file) ?? 44100;
  const context = new OfflineAudioContext(1, 1, Math.min(RATES[1]!, Math.max(RATES[0]!, rate)));
  try {
    return await context.decodeAudioData(file);
  } catch {
    throw new api.ApiError(0, 'SOUND', 'The recording could not be decoded.', 'The other objects of the study can still be read.');
  }
}

export function SoundPlayer({ study, sopUID, segments }: Props) {
  const sound = useQuery(`sound ${sopUID}`, (signal) => decode(sopUID, signal));
  if (sound.data === null) {
    return <div className="box fill"><div className="waiting">{sound.error ? <Failed error={sound.error} again={sound.reload} /> : <span className="spinner" role="status" aria-label="Loading the recording" />}</div></div>;
  }
  return <Player study={study} sound={sound.data} segments={segments} />;
}

/** usePlayer plays an AudioBuffer from any position. */
function usePlayer(sound: AudioBuffer) {
  const context = useRef<AudioContext | null>(null);
  const source = useRef<AudioBufferSourceNode | null>(null);
  const begun = useRef(0); // of the context's clock, when position 0 would have sounded
  const [playing, setPlaying] = useState(false);
  const [position, setPosition] = useState(0);

  const stop = useCallback(() => {
    if (source.current) {
      source.current.onended = null;
      source.current.stop();
      source.current.disconnect();
      source.current = null;
    }
    setPlaying(false);
  }, []);
  const play = useCallback((from: number) => {
    stop();
    context.current ??= new AudioContext();
    void context.current.resume();
    const node = context.current.createBufferSource();
    node.buffer = sound;
    node.connect(context.current.destination);
    node.onended = () => { source.current = null; setPlaying(false); setPosition(0); };
    node.start(0, from);
    begun.current = context.current.currentTime - from;
    source.current = node;
    setPlaying(true);
  }, [sound, stop]);
  const seek = useCallback((to: number) => {
    const at = Math.min(sound.duration, Math.max(0, to));
    setPosition(at);
    if (source.current) play(at);
  }, [sound, play]);

  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const tick = () => {
      if (context.current) setPosition(Math.min(sound.duration, context.current.currentTime - begun.current));
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [playing, sound]);
  useEffect(() => () => { stop(); void context.current?.close(); }, [stop]);
  return { playing, position, seek, toggle: () => (playing ? stop() : play(position >= sound.duration ? 0 : position)) };
}

function Player({ study, sound, segments }: { study: Row; sound: AudioBuffer; segments: Segment[] }) {
  const { playing, position, seek, toggle } = usePlayer(sound);
  const [shown, setShown] = useState(true);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useSize(frame);
  useKeys({
    'sound.play': toggle,
    'sound.forward': () => seek(position + 0.5),
    'sound.back': () => seek(position - 0.5),
    'sound.segments': () => setShown((s) => !s),
  });
  useEffect(() => {
    if (canvas.current && box.width > 0 && box.height > 0) drawSound(canvas.current, sound, shown ? segments : [], box.width, box.height);
  }, [sound, segments, shown, box.width, box.height]);

  const drag = (e: PointerEvent<HTMLElement>) => {
    const r = e.currentTarget.getBoundingClientRect();
    seek(((e.clientX - r.left) / r.width) * sound.duration);
  };
  return (
    <div className="wave-viewer">
      <div className="toolbar" role="toolbar" aria-label="Sound">
        <div className="group">
          <button type="button" className="play" onClick={toggle} aria-label={playing ? 'Pause' : 'Play'} title="Play or pause  Space"><Icon name={playing ? 'pause' : 'play'} /></button>
          <span className="scale">{position.toFixed(2)} / {sound.duration.toFixed(2)} s</span>
        </div>
        <span className="hint">Click to listen from there</span>
        <div className="group overlays">
          <button type="button" aria-pressed={shown && segments.length > 0} disabled={segments.length === 0} onClick={() => setShown(!shown)} title="Marked segments  o"><Icon name="layers" /><span>Segments</span></button>
        </div>
      </div>
      <div
        ref={frame} className="sound" role="slider" tabIndex={0} aria-label="Position" aria-valuemin={0} aria-valuemax={sound.duration} aria-valuenow={position} aria-valuetext={`${position.toFixed(1)} seconds`}
        onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); drag(e); }}
        onPointerMove={(e) => { if (e.currentTarget.hasPointerCapture(e.pointerId)) drag(e); }}
      >
        <canvas ref={canvas} />
        <div className="head" style={{ left: `${(position / sound.duration) * 100}%` }} />
      </div>
      <div className="under">
        <span>{sound.numberOfChannels === 1 ? 'mono' : `${sound.numberOfChannels} channels`} · {sound.sampleRate} Hz · {sound.duration.toFixed(1)} s</span>
        {study.synthetic && <span className="synthetic-tag">SYNTHETIC</span>}
      </div>
    </div>
  );
}

import { useEffect, useRef, useState } from 'react';
import type { Finding, Row, Series } from '../api/types.ts';
import type { ApiError } from '../api/client.ts';
import { useKeys } from '../app/useKeys.ts';
import { Failed } from '../ui/state.tsx';
import { ahead, first, frames, type Frame } from './cornerstone.ts';
import { Corners } from './Corners.tsx';
import { imageError } from './imageError.ts';
import { Overlay } from './Overlay.tsx';
import { presets } from './presets.ts';
import { Stage, type Tool, type View } from './Stage.ts';
import { Toolbar } from './Toolbar.tsx';
import './image.css';

/** warm starts Cornerstone and makes a viewport once for nothing: the browser has compiled that code when a study is opened. */
export function warm(): void {
  const element = document.createElement('div');
  element.className = 'rehearsal';
  document.body.append(element);
  new Stage(element, () => {}, () => {}).destroy();
  element.remove();
}

const OPENED = 'case-opened'; // set by the worklist; e2e prints the time from there to the first image

interface Props {
  study: Row;
  series: Series;
  sopUID: string; // the object to show first
  finding: Finding | null;
}

/** useStage makes the viewport once and shows the frames of a series in it. */
function useStage(study: string, series: Series, sopUID: string) {
  const element = useRef<HTMLDivElement>(null);
  const stage = useRef<Stage | null>(null);
  const [view, setView] = useState<View | null>(null);
  const [all, setAll] = useState<Frame[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);

  const images = series.instances.filter((i) => i.kind === 'image');
  const key = images.map((i) => i.sopUID).join(' ');
  // Asked for before the viewport is made, so that the network works meanwhile.
  useEffect(() => {
    let gone = false;
    let stop = () => {};
    setView(null);
    setError(null);
    frames(study, series.seriesUID, images)
      .then(async (found) => {
        if (gone) return;
        if (found.length === 0) throw new Error('The series has no image that can be shown.');
        const from = Math.max(0, found.findIndex((f) => f.sopUID === sopUID));
        setAll(found);
        await stage.current?.show(found.map((f) => f.imageId), from);
        if (!gone) stop = ahead(found, from);
      })
      .catch((e: unknown) => { if (!gone) setError(imageError(e)); });
    return () => { gone = true; stop(); };
    // The list of images is named by key; which of them comes first is asked for below.
  }, [study, series.seriesUID, key, round]);

  useEffect(() => {
    let painted = false;
    const made = new Stage(
      element.current!,
      (v) => {
        if (!painted) {
          painted = true;
          if (performance.getEntriesByName(OPENED).length > 0) performance.measure('time-to-image', OPENED);
        }
        setView(v);
      },
      (e) => setError(imageError(e)),
    );
    stage.current = made;
    return () => { stage.current = null; made.destroy(); };
  }, []);

  useEffect(() => {
    const at = all.findIndex((f) => f.sopUID === sopUID);
    if (at >= 0) stage.current?.go(at);
  }, [sopUID]);

  return { element, stage, view, all, error, again: () => setRound((r) => r + 1) };
}

export default function ImageViewer({ study, series, sopUID, finding }: Props) {
  const { element, stage, view, all, error, again } = useStage(study.studyUID, series, sopUID);
  const [tool, setTool] = useState<Tool>('window');
  const [heat, setHeat] = useState(true);
  const [opacity, setOpacity] = useState(0.6);
  const [regions, setRegions] = useState(true);
  const list = presets(series.modality);
  const use = (t: Tool) => { stage.current?.use(t); setTool(t); };
  const preset = (n: number) => { if (view && list[n]) stage.current?.setWindow(list[n].window(view.range, view.stored)); };
  const fade = (by: number) => { setHeat(true); setOpacity((o) => Math.min(1, Math.max(0, Math.round((o + by) * 10) / 10))); };
  const frame = view ? all[view.index] : undefined;
  const overlay = finding?.sopUID === frame?.sopUID ? finding?.pictures.find((p) => p.overlay)?.overlay ?? null : null;
  const boxes = frame ? (finding?.regions ?? []).filter((r) => r.sopUID === frame.sopUID && (r.frame || 1) === frame.frame) : [];

  useKeys({
    'image.overlay': () => setHeat((h) => !h),
    'image.fainter': () => fade(-0.1),
    'image.stronger': () => fade(0.1),
    'image.regions': () => setRegions((r) => !r),
    'image.invert': () => stage.current?.invert(),
    'image.reset': () => stage.current?.reset(),
    'image.preset': (key) => preset(Number(key) - 1),
    'image.next': () => stage.current?.step(1),
    'image.previous': () => stage.current?.step(-1),
    'image.in': () => stage.current?.zoom(1.25),
    'image.out': () => stage.current?.zoom(0.8),
    'image.window': () => use('window'),
    'image.pan': () => use('pan'),
    'image.zoom': () => use('zoom'),
    'image.length': () => use('length'),
  });

  return (
    <div className="image-viewer">
      <Toolbar
        tool={tool} use={use} presets={list} preset={preset}
        invert={() => stage.current?.invert()} inverted={view?.invert ?? false} reset={() => stage.current?.reset()}
        heat={heat} setHeat={setHeat} opacity={opacity} setOpacity={setOpacity} hasHeat={overlay !== null}
        regions={regions} setRegions={setRegions} hasRegions={boxes.length > 0}
      />
      <div className="box" data-ready={view !== null}>
        <div ref={element} className="canvas" role="img" aria-label={`${series.modality} image, ${series.description || study.description}`} onContextMenu={(e) => e.preventDefault()} />
        {view && <Overlay view={view} heat={heat ? overlay : null} opacity={opacity} boxes={regions ? boxes : []} />}
        {view && frame && <Corners study={study} series={series} view={view} count={all.length} metadata={frame.metadata} />}
        {!view && !error && <div className="waiting" role="status"><span className="spinner" /><span className="only-read">Loading the image</span></div>}
        {error && <div className="waiting"><Failed error={error} again={again} /></div>}
        {all.length > 1 && view && (
          <input
            className="scroller" type="range" min={1} max={all.length} value={view.index + 1} aria-label="Image"
            onChange={(e) => stage.current?.go(Number(e.target.value) - 1)}
          />
        )}
      </div>
      <span className="only-read" aria-live="polite">{view && all.length > 1 ? `Image ${view.index + 1} of ${all.length}` : ''}{frame ? ` ${first(frame.metadata, '00080060')}` : ''}</span>
    </div>
  );
}

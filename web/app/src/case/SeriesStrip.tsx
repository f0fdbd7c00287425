import { useState } from 'react';
import type { Kind, Series } from '../api/types.ts';
import { Icon, type IconName } from '../ui/icons.tsx';
import type { Place } from './decide.ts';

interface Props {
  study: string;
  series: Series[];
  place: Place | null;
  select: (p: Place) => void;
}

const ICON: Record<Kind, IconName> = { image: 'image', ecg: 'ecg', sound: 'sound', report: 'report', segmentation: 'segmentation', other: 'other' };

export function SeriesStrip({ study, series, place, select }: Props) {
  const own = series.filter((s) => !s.result && s.instances.length > 0);
  const results = series.filter((s) => s.result && s.instances.length > 0);
  const part = (title: string, list: Series[]) => list.length > 0 && (
    <div className="part">
      <h2>{title}</h2>
      {list.map((s) => <One key={s.seriesUID} study={study} series={s} current={place?.series.seriesUID === s.seriesUID} select={select} />)}
    </div>
  );
  return <nav className="series" aria-label="Series">{part('Series', own)}{part('Results', results)}</nav>;
}

function One({ study, series, current, select }: { study: string; series: Series; current: boolean; select: (p: Place) => void }) {
  const instance = series.instances[Math.floor(series.instances.length / 2)]!;
  const count = series.instances.reduce((n, i) => n + Math.max(1, i.frames), 0);
  return (
    <button type="button" className="thumb" aria-current={current} onClick={() => select({ series, instance: series.instances[0]! })} title={series.description}>
      <span className="picture"><Thumbnail study={study} series={series} sopUID={instance.sopUID} kind={instance.kind} />{count > 1 && <span className="count">{count}</span>}</span>
      <span className="name"><b>{series.modality}</b> <span>{series.description || `Series ${series.number}`}</span></span>
    </button>
  );
}

/** Thumbnail asks the node for a small rendering (PS3.18 8.3.5); what has none shows its kind. */
function Thumbnail({ study, series, sopUID, kind }: { study: string; series: Series; sopUID: string; kind: Kind }) {
  const [broken, setBroken] = useState(false);
  if (kind !== 'image' || broken) return <Icon name={ICON[kind] ?? 'other'} size={26} />;
  const src = `/dicomweb/studies/${study}/series/${series.seriesUID}/instances/${sopUID}/rendered?viewport=160,160`;
  return <img src={src} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />;
}

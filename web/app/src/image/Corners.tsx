import type { Row, Series } from '../api/types.ts';
import { dicomDate, personName } from '../format/format.ts';
import { scale } from './affine.ts';
import { values, first, type Metadata } from './cornerstone.ts';
import { centreWidth } from './presets.ts';
import type { View } from './Stage.ts';

interface Props {
  study: Row;
  series: Series;
  view: View;
  count: number;
  metadata: Metadata;
}

const PATIENT_ORIENTATION = '00200020';
const LATERALITY = '00200062';
const VIEW_POSITION = '00185101';
const OPPOSITE: Record<string, string> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };

const turned = (o: string): string => [...o].map((c) => OPPOSITE[c] ?? c).join('');

/** Corners writes who, what and how around the image, where readers look for it. */
export function Corners({ study, series, view, count, metadata }: Props) {
  const { centre, width } = centreWidth(view.window);
  const [right = '', down = ''] = values(metadata, PATIENT_ORIENTATION);
  const place = [first(metadata, VIEW_POSITION), first(metadata, LATERALITY)].filter((t) => t !== '').join(' ');
  return (
    <div className="corners" aria-hidden="true">
      <div className="tl"><b>{personName(study.patientName)}</b><br />{study.patientID}</div>
      <div className="tr">{series.description || series.modality}<br />{dicomDate(study.studyDate)} {place}</div>
      <div className="bl">C {centre}  W {width}{view.invert ? '  inverted' : ''}</div>
      <div className="br">{count > 1 && <>{view.index + 1} / {count}<br /></>}{Math.round(scale(view.matrix) * 100)} %</div>
      {study.synthetic && <div className="synthetic-mark">SYNTHETIC</div>}
      {right !== '' && <><div className="side left">{turned(right)}</div><div className="side right">{right}</div></>}
      {down !== '' && <div className="side top">{turned(down)}</div>}
    </div>
  );
}

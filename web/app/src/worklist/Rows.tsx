import { useEffect, useRef } from 'react';
import type { Row } from '../api/types.ts';
import { caseAddress } from '../app/router.tsx';
import { age, ago, dicomDate, dicomTime, moment, personName, sex } from '../format/format.ts';
import { StateBadge, Synthetic, urgencyText } from '../ui/badges.tsx';
import { Icon } from '../ui/icons.tsx';

interface Props {
  items: Row[];
  selected: string;
  open: (row: Row) => void;
}

export function Rows({ items, selected, open }: Props) {
  return (
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">Urgency</th>
          <th scope="col">Patient</th>
          <th scope="col">Study</th>
          <th scope="col">Assessment</th>
          <th scope="col">State</th>
          <th scope="col" className="num">Received</th>
        </tr>
      </thead>
      <tbody>{items.map((row) => <One key={row.studyUID} row={row} selected={row.studyUID === selected} open={open} />)}</tbody>
    </table>
  );
}

function One({ row, selected, open }: { row: Row; selected: boolean; open: (row: Row) => void }) {
  const line = useRef<HTMLTableRowElement>(null);
  useEffect(() => { if (selected) line.current?.scrollIntoView({ block: 'nearest' }); }, [selected]);
  const person = [row.patientID, sex(row.patientSex), age(row.patientBirthDate, row.studyDate)].filter((p) => p !== '').join(' · ');
  const done = row.state === 'ready' || row.state === 'signed';
  return (
    <tr ref={line} className={`${row.urgency}${selected ? ' selected' : ''}`} aria-selected={selected} data-study={row.studyUID} onClick={() => open(row)}>
      <td className="urgency"><span>{done && row.urgency !== 'none' ? urgencyText(row.urgency) : '–'}</span></td>
      <td>
        <a
          className="patient" href={caseAddress(row.studyUID)} tabIndex={selected ? 0 : -1}
          onClick={(e) => { if (!e.metaKey && !e.ctrlKey && e.button === 0) e.preventDefault(); else e.stopPropagation(); }}
          onKeyDown={(e) => { if (e.key === 'Enter') open(row); }}
        >{personName(row.patientName)}</a>
        {row.synthetic && <Synthetic />}
        <div className="second">{person}</div>
      </td>
      <td>
        <div className="study"><span className="clip">{row.description || 'Without description'}</span>{row.modalities.map((m) => <span key={m} className="modality">{m}</span>)}</div>
        <div className="second">{dicomDate(row.studyDate)} {dicomTime(row.studyTime)}{row.accession !== '' && ` · ${row.accession}`}</div>
      </td>
      <td><Assessment row={row} /></td>
      <td><StateBadge state={row.state} /></td>
      <td className="num muted nowrap" title={moment(row.receivedAt)}>{ago(row.receivedAt)}</td>
    </tr>
  );
}

function Assessment({ row }: { row: Row }) {
  if (row.state === 'failed') return <div className="headline bad"><Icon name="alert" size={14} />{row.headline || 'Could not be diagnosed'}</div>;
  if (row.state !== 'ready' && row.state !== 'signed') {
    return <div className="second waiting">{row.state === 'receiving' ? `${row.instances} images so far` : row.state === 'queued' ? 'Waiting for the panel' : 'The panel is reading'}</div>;
  }
  return (
    <>
      <div className="headline">{row.headline || 'Nothing to report'}</div>
      <div className="second">{row.findings === 0 ? 'no finding' : row.findings === 1 ? '1 finding' : `${row.findings} findings`}</div>
    </>
  );
}

export function SkeletonRows() {
  return (
    <div className="skeletons" role="status" aria-label="Loading the worklist">
      {Array.from({ length: 9 }, (_, i) => <div key={i} className="skeleton" />)}
    </div>
  );
}

import { useState } from 'react';
import type { Finding, Outcome } from '../api/types.ts';
import { interval, percent } from '../format/format.ts';

const SMALL = 0.01;

/** Outcomes draws each label's calibrated probability, its interval, and whether it is in the conformal set. */
export function Outcomes({ finding }: { finding: Finding }) {
  const [all, setAll] = useState(false);
  const sorted = [...finding.outcomes].sort((a, b) => b.probability - a.probability);
  const shown = all ? sorted : sorted.filter((o, i) => i < 2 || o.inSet || o.probability >= SMALL);
  const rest = sorted.length - shown.length;
  const set = sorted.filter((o) => o.inSet).map((o) => o.name);
  return (
    <div className="outcomes">
      <ul>{shown.map((o) => <Bar key={o.name} outcome={o} />)}</ul>
      {rest > 0 && <button type="button" className="link" onClick={() => setAll(true)}>{rest} more, each below 1 %</button>}
      <p className="set">
        <b>{set.length === 0 ? 'No label is in the conformal set.' : `In the conformal set: ${set.join(', ')}.`}</b>{' '}
        Such a set holds the true label in {Math.round(finding.coverage * 100)} of 100 cases like those of the calibration.
      </p>
    </div>
  );
}

function Bar({ outcome: o }: { outcome: Outcome }) {
  const range = interval(o.low, o.high);
  const at = (p: number) => `${Math.min(100, Math.max(0, p * 100))}%`;
  const spoken = `${o.name}: ${percent(o.probability)}${range === '' ? '' : `, interval ${range}`}${o.inSet ? ', in the conformal set' : ''}`;
  return (
    <li className={o.inSet ? 'in' : ''}>
      <span className="name">{o.name}{o.code !== '' && <span className="code" title={o.system}>{o.code}</span>}</span>
      <span className="value">{percent(o.probability)}</span>
      <span className="track" role="img" aria-label={spoken}>
        <span className="fill" style={{ width: at(o.probability) }} />
        {o.low !== null && o.high !== null && <span className="whisker" style={{ left: at(o.low), width: at(o.high - o.low) }} />}
      </span>
      <span className="range">{range}</span>
    </li>
  );
}

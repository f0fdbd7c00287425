import type { Step } from '../api/types.ts';
import { moment } from '../format/format.ts';
import { Empty } from '../ui/state.tsx';

/** History is the study's time line, newest first. */
export function History({ steps }: { steps: Step[] }) {
  if (steps.length === 0) return <Empty icon="history" title="Nothing has happened yet" />;
  const newest = [...steps].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <ol className="history">
      {newest.map((s, i) => (
        <li key={i}>
          <p>{s.text || s.action}</p>
          <p className="small muted">{moment(s.at)} · {s.actor} · <span className="mono">{s.action}</span></p>
        </li>
      ))}
    </ol>
  );
}

import type { ReactNode } from 'react';
import type { ApiError } from '../api/client.ts';
import { Icon, type IconName } from './icons.tsx';

/** Loading takes the place of what is being asked for. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <div className="state" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{what}…</p>
    </div>
  );
}

export function Empty({ icon = 'list', title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <span className="icon-large"><Icon name={icon} size={36} /></span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Failed shows an error in the node's own words: what happened, what to do, the code. */
export function Failed({ error, again }: { error: ApiError; again?: () => void }) {
  return (
    <div className="state" role="alert">
      <span className="icon-large"><Icon name="alert" size={36} /></span>
      <h2>{error.what}</h2>
      {error.remedy !== '' && <p>{error.remedy}</p>}
      <p className="small mono">{error.code}</p>
      {again && <button type="button" className="button" onClick={again}><Icon name="again" />Try again</button>}
    </div>
  );
}

/** ErrorNotice is Failed on one line, beside what was tried. */
export function ErrorNotice({ error }: { error: { code: string; what: string; remedy?: string; do?: string } }) {
  const remedy = error.remedy ?? error.do ?? '';
  return (
    <div className="notice error" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{error.what}</strong> {remedy} <span className="mono small muted">{error.code}</span>
      </div>
    </div>
  );
}

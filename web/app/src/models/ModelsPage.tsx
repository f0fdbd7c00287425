import { useState } from 'react';
import * as api from '../api/client.ts';
import type { Figure, ModelCard } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { navigate } from '../app/router.tsx';
import { Synthetic } from '../ui/badges.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Empty, Failed, Loading } from '../ui/state.tsx';
import { ModelDrawer } from './ModelDrawer.tsx';
import './models.css';

const ICON: Record<string, IconName> = { image: 'image', volume: 'image', ecg: 'ecg', sound: 'sound', table: 'list' };

/** ModelsPage lists the models that diagnose here, with what they are for and how good they were. */
export default function ModelsPage({ name }: { name: string }) {
  const models = useQuery('models', api.models);
  const [open, setOpen] = useState(name);
  const close = () => {
    setOpen('');
    if (name !== '') navigate('/models', true);
  };
  return (
    <div className="page">
      <header><div><h1>Models</h1><p>What answers on this node. A model is a network with its card, its calibration and a signature; nothing in it is code.</p></div></header>
      {models.data === null && (models.error ? <Failed error={models.error} again={models.reload} /> : <Loading what="Reading the models" />)}
      {models.data?.length === 0 && <Empty icon="model" title="No model is loaded"><p>Studies are kept and shown, and nothing is diagnosed. Start the node with models to change that.</p></Empty>}
      <div className="models">{models.data?.map((m) => <One key={`${m.name}@${m.version}`} model={m} open={() => setOpen(m.name)} />)}</div>
      {open !== '' && <ModelDrawer name={open} close={close} />}
    </div>
  );
}

function One({ model: m, open }: { model: ModelCard; open: () => void }) {
  return (
    <article className="panel model">
      <header>
        <span className="kind"><Icon name={ICON[m.kind] ?? 'model'} size={20} /></span>
        <div className="grow">
          <h2>{m.title || m.task}</h2>
          <p className="small muted"><span className="mono">{m.name} {m.version}</span> · <span className="mono" title={m.digest}>{m.digest.replace(/^sha256:/, '').slice(0, 12)}</span></p>
        </div>
        {m.synthetic && <Synthetic />}
      </header>
      {m.synthetic && <p className="small synthetic-note">It learnt from generated data: its figures say nothing about patients.</p>}
      <p>{m.intendedUse}</p>
      <div className="labels">{m.labels.map((l) => <span key={l} className="badge">{l}</span>)}</div>
      {m.metrics.length > 0 && <Figures figures={m.metrics} />}
      {m.limitations.length > 0 && (
        <details>
          <summary>{m.limitations.length === 1 ? '1 known limit' : `${m.limitations.length} known limits`}</summary>
          <ul>{m.limitations.map((l, i) => <li key={i}>{l}</li>)}</ul>
        </details>
      )}
      <footer>
        <span className="small muted">{m.licence}{m.trained && ` · trained ${m.trained}`}{m.parameters > 0 && ` · ${m.parameters.toLocaleString('en')} parameters`}</span>
        <button type="button" className="button small" onClick={open}>Card</button>
      </footer>
    </article>
  );
}

const FIRST = 4; // figures that are shown before all of them are asked for

function Figures({ figures }: { figures: Figure[] }) {
  const [all, setAll] = useState(false);
  const of = (v: number) => (Number.isFinite(v) ? v.toFixed(3) : '–');
  const shown = all ? figures : figures.slice(0, FIRST);
  return (
    <div>
      <table className="table figures">
        <thead><tr><th scope="col">Figure</th><th scope="col" className="num">Value</th><th scope="col" className="num">95 % interval</th><th scope="col" className="num">Baseline</th></tr></thead>
        <tbody>
          {shown.map((f, i) => (
            <tr key={i} title={f.note}>
              <td>{metric(f.metric)} <span className="muted">{f.split}</span></td>
              <td className="num"><b>{of(f.value)}</b></td>
              <td className="num muted">{of(f.low)}–{of(f.high)}</td>
              <td className="num muted">{f.baseline === undefined ? '' : of(f.baseline)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < figures.length && <button type="button" className="link" onClick={() => setAll(true)}>All {figures.length} figures</button>}
    </div>
  );
}

const METRIC: Record<string, string> = { auc: 'AUC', ece: 'ECE', ppv: 'PPV', npv: 'NPV', macro_f1: 'macro F1' };
const metric = (name: string): string => METRIC[name] ?? name.replaceAll('_', ' ');

import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import * as api from '../api/client.ts';
import type { Case, Decision, Finding } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { navigate } from '../app/router.tsx';
import { useCan } from '../app/session.tsx';
import { useKeys } from '../app/useKeys.ts';
import { ECGViewer } from '../ecg/ECGViewer.tsx';
import { ModelDrawer } from '../models/ModelDrawer.tsx';
import { SoundPlayer } from '../sound/SoundPlayer.tsx';
import { Empty, Failed, Loading } from '../ui/state.tsx';
import { say, sayError } from '../ui/toast.tsx';
import { CaseHead } from './CaseHead.tsx';
import { firstPlace, nextUndecided, placeOf, type Place } from './decide.ts';
import { Panel } from './Panel.tsx';
import { SeriesStrip } from './SeriesStrip.tsx';
import { SignDialog } from './SignDialog.tsx';
import './case.css';

const loadViewer = () => import('../image/ImageViewer.tsx');
const ImageViewer = lazy(loadViewer);

let preloaded = false;

/** preload fetches and starts the image viewer before a study is opened. */
export function preload(): void {
  if (preloaded) return;
  preloaded = true;
  void loadViewer().then((m) => m.warm());
}

export default function CasePage({ uid }: { uid: string }) {
  const one = useQuery(`study ${uid}`, (signal) => api.study(uid, signal));
  const { reload } = one;
  useEffect(() => { void loadViewer(); }, []);
  useEffect(() => {
    let timer = 0;
    const stop = api.events(
      (row) => {
        if (row.studyUID !== uid) return;
        window.clearTimeout(timer);
        timer = window.setTimeout(reload, 150);
      },
      () => {},
    );
    return () => { window.clearTimeout(timer); stop(); };
  }, [uid, reload]);
  useKeys({ 'case.back': () => navigate('/') });

  if (one.data === null) return one.error ? <Failed error={one.error} again={reload} /> : <Loading what="Opening the study" />;
  return <Open data={one.data} reload={reload} />;
}

export type Editing = { id: string; decision: Decision } | null;

/** useSelection keeps the finding and the object on the stage in step. */
function useSelection(data: Case) {
  const findings = data.assessment?.findings ?? [];
  const [findingID, setFindingID] = useState(() => findings[0]?.id ?? '');
  const [sopUID, setSopUID] = useState(() => firstPlace(data)?.instance.sopUID ?? '');
  const place = placeOf(data.series, sopUID) ?? firstPlace(data);
  const finding = findings.find((f) => f.id === findingID) ?? findings[0] ?? null;
  const selectFinding = (f: Finding) => {
    setFindingID(f.id);
    if (placeOf(data.series, f.sopUID)) setSopUID(f.sopUID);
  };
  const selectPlace = (p: Place) => {
    setSopUID(p.instance.sopUID);
    const own = findings.find((f) => p.series.instances.some((i) => i.sopUID === f.sopUID));
    if (own) setFindingID(own.id);
  };
  return { findings, finding, place, selectFinding, selectPlace };
}

function Open({ data, reload }: { data: Case; reload: () => void }) {
  const { study, signature } = data;
  const can = useCan();
  const { findings, finding, place, selectFinding, selectPlace } = useSelection(data);
  const [editing, setEditing] = useState<Editing>(null);
  const [signing, setSigning] = useState(false);
  const [tab, setTab] = useState<'findings' | 'history'>('findings');
  const [model, setModel] = useState<string | null>(null);
  const mayReview = can('finding.review') && signature === null && study.state === 'ready';
  const maySign = can('report.sign') && signature === null && study.state === 'ready' && findings.length > 0;

  const decide = async (f: Finding, decision: Decision, answer: string, comment: string) => {
    try {
      await api.review(study.studyUID, f.id, decision, answer, comment);
      setEditing(null);
      say({ accept: `Accepted: ${f.answer}`, correct: `Corrected to: ${answer}`, reject: `Rejected: ${f.answer}` }[decision]);
      const next = nextUndecided(findings, f.id);
      if (next) selectFinding(next);
      reload();
    } catch (e) {
      sayError(e);
    }
  };
  const undo = (f: Finding) => api.unreview(study.studyUID, f.id).then(reload, sayError);
  const step = (by: number) => {
    setTab('findings');
    const at = findings.findIndex((f) => f.id === finding?.id);
    const next = findings[Math.min(findings.length - 1, Math.max(0, at + by))];
    if (next) selectFinding(next);
  };
  const edit = (decision: Decision) => {
    if (!mayReview || !finding) return;
    setTab('findings');
    if (decision === 'accept') void decide(finding, 'accept', '', finding.review?.comment ?? '');
    else setEditing({ id: finding.id, decision });
  };
  const nextSeries = () => {
    const open = data.series.filter((s) => s.instances.length > 0);
    const at = open.findIndex((s) => s.seriesUID === place?.series.seriesUID);
    const s = open[(at + 1) % open.length];
    if (s) selectPlace({ series: s, instance: s.instances[0]! });
  };
  useKeys({
    'finding.next': () => step(1),
    'finding.previous': () => step(-1),
    'finding.accept': () => edit('accept'),
    'finding.correct': () => edit('correct'),
    'finding.reject': () => edit('reject'),
    'finding.model': () => finding && setModel(finding.model.name),
    'case.sign': () => maySign && setSigning(true),
    'case.history': () => setTab((t) => (t === 'findings' ? 'history' : 'findings')),
    'case.series': nextSeries,
  });
  const stageFinding = useMemo(() => (finding && place?.instance.sopUID === finding.sopUID ? finding : null), [finding, place]);

  return (
    <div className="case">
      <CaseHead data={data} maySign={maySign} sign={() => setSigning(true)} reload={reload} />
      <SeriesStrip study={study.studyUID} series={data.series} place={place} select={selectPlace} />
      <section className="stage" aria-label="Viewer">
        {place ? <Viewer data={data} place={place} finding={finding} own={stageFinding} /> : <Empty icon="image" title="No object has arrived yet" />}
      </section>
      <Panel
        data={data} tab={tab} setTab={setTab} selected={finding} select={selectFinding} mayReview={mayReview}
        editing={editing} setEditing={setEditing} decide={decide} undo={undo} showModel={setModel}
      />
      {signing && <SignDialog data={data} close={() => setSigning(false)} done={() => { setSigning(false); say('The report is signed.'); reload(); }} goTo={(f) => { setSigning(false); selectFinding(f); }} />}
      {model !== null && <ModelDrawer name={model} close={() => setModel(null)} />}
    </div>
  );
}

function Viewer({ data, place, finding, own }: { data: Case; place: Place; finding: Finding | null; own: Finding | null }) {
  const { series, instance } = place;
  switch (instance.kind) {
    case 'image':
      return (
        <Suspense fallback={<div className="box"><div className="waiting"><span className="spinner" /></div></div>}>
          <ImageViewer study={data.study} series={series} sopUID={instance.sopUID} finding={finding} />
        </Suspense>
      );
    case 'ecg':
      return <ECGViewer key={instance.sopUID} study={data.study} sopUID={instance.sopUID} segments={own?.segments ?? []} />;
    case 'sound':
      return <SoundPlayer key={instance.sopUID} study={data.study} sopUID={instance.sopUID} segments={own?.segments ?? []} />;
    case 'report':
      return <Empty icon="report" title={series.description || 'Structured report'}><p>What this report says stands beside it, and in the printable report.</p></Empty>;
    case 'segmentation':
      return <Empty icon="segmentation" title={series.description || 'Segmentation'}><p>Its regions are drawn over the image that they belong to.</p></Empty>;
    default:
      return <Empty icon="other" title={series.description || series.modality || 'Object'}><p>This kind of object has no picture. It is kept with the study and sent on with it.</p></Empty>;
  }
}

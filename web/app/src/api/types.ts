// What the node's HTTP API sends, as node/types.go writes it. Lists that the
// node leaves empty may arrive as null; api/client.ts turns them into [].

export type State = 'receiving' | 'queued' | 'diagnosing' | 'ready' | 'failed' | 'signed';
export const STATES: readonly State[] = ['receiving', 'queued', 'diagnosing', 'ready', 'failed', 'signed'];

export type Urgency = 'critical' | 'urgent' | 'routine' | 'none';
export const URGENCIES: readonly Urgency[] = ['critical', 'urgent', 'routine', 'none'];

export const ROLES = ['viewer', 'reader', 'researcher', 'admin'] as const;

export interface User {
  id: string;
  name: string; // to sign in with
  fullName: string; // as it stands in signed reports; may be empty
  role: string;
}

export interface Session {
  user: User | null;
  csrf: string;
  login: { local: boolean; oidc: boolean };
  setup: boolean; // no account exists yet
  version: string;
  disclaimer: string;
  actions: string[];
}

export interface Row {
  studyUID: string;
  patientName: string;
  patientID: string;
  patientSex: string;
  patientBirthDate: string; // YYYYMMDD
  accession: string;
  description: string;
  modalities: string[];
  studyDate: string; // YYYYMMDD
  studyTime: string; // HHMMSS
  receivedAt: string;
  instances: number;
  state: State;
  urgency: Urgency;
  headline: string;
  findings: number;
  synthetic: boolean;
}

export interface Worklist {
  items: Row[];
  total: number;
  counts: Partial<Record<State, number>>;
}

export interface WorklistQuery {
  state?: string;
  modality?: string;
  urgency?: string;
  q?: string;
  from?: string;
  to?: string;
  limit?: number;
  offset?: number;
}

export type Kind = 'image' | 'ecg' | 'sound' | 'report' | 'segmentation' | 'other';

export interface Instance {
  sopUID: string;
  sopClass: string;
  number: number;
  frames: number;
  rows: number;
  columns: number;
  kind: Kind;
}

export interface Series {
  seriesUID: string;
  modality: string;
  description: string;
  number: number;
  result: boolean; // made by this node
  instances: Instance[];
}

export interface Outcome {
  name: string;
  code: string;
  system: string;
  probability: number;
  low: number | null;
  high: number | null;
  inSet: boolean;
}

export interface ModelRef {
  name: string;
  version: string;
  digest: string;
}

export interface Picture {
  method: string;
  outcome: string;
  caption: string;
  url: string;
  overlay: string | null;
}

export interface Region {
  sopUID: string;
  frame: number; // from 1
  x: number;
  y: number;
  width: number;
  height: number;
  score: number;
}

export interface Segment {
  start: number; // s
  end: number;
  lead: string; // '' = every lead
  score: number;
}

export type Decision = 'accept' | 'correct' | 'reject';

export interface Review {
  decision: Decision;
  answer: string;
  comment: string;
  by: string;
  at: string;
}

export interface Finding {
  id: string;
  sopUID: string;
  input: string;
  kind: string;
  task: string;
  verdict: string; // 'finding' | 'cannot tell'
  answer: string;
  urgency: Urgency;
  outcomes: Outcome[];
  coverage: number;
  notes: string[];
  reasons: string[];
  model: ModelRef;
  pictures: Picture[];
  regions: Region[];
  segments: Segment[];
  review: Review | null;
}

export interface Refusal {
  input: string;
  code: string;
  what: string;
  do: string;
}

export interface Assessment {
  id: string;
  madeAt: string;
  findings: Finding[];
  refusals: Refusal[];
  disclaimer: string;
  synthetic: boolean;
}

export interface Signature {
  by: string;
  at: string;
  attestation: string;
}

export interface Step {
  at: string;
  actor: string;
  action: string;
  text: string;
}

export interface Failure {
  code: string;
  what: string;
  do: string;
}

export interface Case {
  study: Row;
  series: Series[];
  assessment: Assessment | null;
  signature: Signature | null;
  history: Step[];
  failure: Failure | null;
}

export interface Lead {
  name: string;
  unit: string;
  samples: number[];
}

export interface Waveform {
  kind: string;
  rate: number; // Hz
  leads: Lead[];
}

export interface Letter {
  title?: string;
  paragraphs: string[];
  disclaimer: string;
}

export interface Figure {
  metric: string;
  split: string;
  value: number;
  low: number;
  high: number;
  baseline?: number;
  note?: string;
}

export interface ModelCard {
  name: string;
  version: string;
  digest: string;
  title: string;
  task: string;
  kind: string;
  intendedUse: string;
  limitations: string[];
  labels: string[];
  metrics: Figure[];
  trained: string;
  licence: string;
  parameters: number;
  synthetic: boolean; // learnt from generated data
  signer: string;
}

/** A job in which this node learns with others, as federation/page writes it. */
export interface FederationJob {
  id: string;
  title: string;
  purpose: string;
  by: string;
  hash: string;
  algorithm: string;
  sum: string; // 'plain' | 'masks' | 'ckks'
  phase: string; // 'draft' | 'proposed' | 'running' | 'finished'; '' when the job cannot be read
  outcome: string; // of a finished one: 'ok' | 'aborted' | 'failed'
  reason: string;
  round: number;
  rounds: number;
  attempt: number;
  step: string;
  waits: string;
  until: string | null;
  agreed: number;
  refused: number;
  in: number; // in the last round
  asked: number;
  epsilon: number;
  budget: number; // 0 = no noise was promised
  delta: number;
  macroF1: number | null;
  bytes: number;
  started: string | null;
  ended: string | null;
  written: string | null;
  trouble: string; // why the job cannot be read
}

// Fields that are empty may be left out.
export interface AuditEntry {
  index: number;
  time: string;
  logged: string;
  actor?: string;
  role?: string;
  action: string;
  patient?: string;
  study?: string;
  object?: string;
  model?: string;
  outcome?: string;
  detail?: Record<string, string>;
}

export interface AuditPage {
  items: AuditEntry[];
  next: number; // before of the next page; 0 = this was the last
  size: number;
  root: string;
  checkpoint: string;
}

export interface AuditQuery {
  patient?: string;
  study?: string;
  actor?: string;
  action?: string;
  before?: number;
  limit?: number;
}

export interface AuditCheck {
  ok: boolean;
  entries: number;
  error: Failure | null;
}

export const PURPOSES = ['care', 'quality', 'research', 'training', 'federation'] as const;
export const DATA_CLASSES = ['image', 'waveform', 'report', 'record'] as const;

export interface ConsentDecision {
  purpose: string;
  dataClass?: string; // left out = every class
  decision: 'permit' | 'deny';
  from?: string;
  until?: string; // left out = without end
  text?: string;
}

export interface ConsentEntry extends ConsentDecision {
  id: string;
  made: string;
  by: string;
  inForce: boolean;
}

export interface ConsentText {
  purpose: string;
  title: string;
  paragraphs: string[];
  version: string;
}

export interface Account extends User {
  disabled: boolean;
  outside: boolean; // signs in at the identity provider
  ready: boolean; // its one-time link was used
  created: string;
  lastSeen: string | null;
}

export interface Token {
  id: string;
  name: string;
  role: string;
  actions: string[];
  created: string;
  expires: string;
  lastUsed: string | null;
}

export interface NodeSettings {
  site: string;
  aeTitle: string;
  callers: string[];
  quietSeconds: number;
}

export interface Peer {
  name: string;
  kind: 'dicom' | 'fhir' | 'hl7';
  address: string;
  aeTitle?: string;
  tls?: boolean;
}

export interface Settings {
  node: NodeSettings;
  peers: Peer[];
}

export interface SettingsPage extends Settings {
  readonly: Record<string, string>;
  changed: boolean; // differs from what the node runs with
}

export interface Status {
  version: string;
  started: string;
  models: number;
  queue: number;
  studies: Partial<Record<State, number>>;
  disk: { free: number; total: number };
  audit: number;
  trouble: string[];
}

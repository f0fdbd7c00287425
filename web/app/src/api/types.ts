// What the node's HTTP API sends, as node/types.go writes it. Lists that the
// node leaves empty may arrive as null; api/client.ts turns them into [].

export type State = 'receiving' | 'queued' | 'diagnosing' | 'ready' | 'failed' | 'signed';
export const STATES: readonly State[] = ['receiving', 'queued', 'diagnosing', 'ready', 'failed', 'signed'];

export type Urgency = 'critical' | 'urgent' | 'routine' | 'none';
export const URGENCIES: readonly Urgency[] = ['critical', 'urgent', 'routine', 'none'];

export interface User {
  id: string;
  name: string;
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

export interface ModelCard {
  name: string;
  version: string;
  digest: string;
  title: string;
  task: string;
  intendedUse: string;
  limitations: string[];
  metrics: unknown;
  [more: string]: unknown;
}

export interface AuditEntry {
  index: number;
  time: string;
  actor: string;
  role: string;
  action: string;
  patient: string;
  study: string;
  object: string;
  model: string;
  outcome: string;
  detail: Record<string, string> | null;
}

export interface AuditPage {
  items: AuditEntry[];
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
  error: string;
}

export interface ConsentRecord {
  id?: string;
  purpose: string;
  dataClass: string; // '' = every class
  decision: 'permit' | 'deny';
  from: string;
  until: string | null;
  text: string;
  by?: string;
  at?: string;
  withdrawnAt?: string | null;
}

export interface Account {
  id: string;
  name: string;
  role: string;
  disabled?: boolean;
  createdAt?: string;
  lastLoginAt?: string | null;
  [more: string]: unknown;
}

export interface Token {
  id: string;
  name: string;
  role?: string;
  createdAt?: string;
  expiresAt?: string | null;
  lastUsedAt?: string | null;
  secret?: string; // in the answer to the POST only
  [more: string]: unknown;
}

export interface Settings {
  node: Record<string, unknown>;
  peers: Record<string, unknown>[];
  [more: string]: unknown;
}

export type Status = Record<string, unknown>;

// The mock's patients. All of them are invented; the one that can be opened has
// the demo's synthetic recordings.
import { heat } from './png.mjs';

const DISCLAIMER = 'Decision support for evaluation and research. Not a certified medical device. A clinician must review every result.';

export const OPEN = '1.2.826.0.1.3680043.10.1.1'; // film, ECG and cough
export const FILM = '1.2.826.0.1.3680043.10.1.102'; // the film alone
const UID = (n) => `1.2.826.0.1.3680043.10.1.${n}`;

// name, id, sex, birth, description, modalities, state, urgency, headline, findings, minutes ago
const LINES = [
  ['Hoffmann^Greta^^Dr.', 'P-20417', 'F', '19550312', 'Chest film, ECG and cough', ['CR', 'ECG', 'AU'], 'ready', 'critical', 'Atrial fibrillation; pneumonia', 3, 4],
  ['Okonkwo^Chidi', 'P-20388', 'M', '19680921', '12-lead ECG, chest pain', ['ECG'], 'ready', 'critical', 'Inferior myocardial infarction', 1, 11],
  ['Lindqvist^Åsa', 'P-20401', 'F', '19810704', 'Chest PA and lateral', ['DX'], 'ready', 'urgent', 'Pneumonia', 1, 18],
  ['Yamada^Tarou', 'P-20375', 'M', '19470119', 'Chest PA', ['CR'], 'ready', 'urgent', 'Pneumonia', 1, 27],
  ['Silva Santos^Mariana', 'P-20399', 'F', '19930211', 'Fundus, both eyes', ['OP'], 'ready', 'routine', 'Cannot tell: moderate or severe retinopathy', 2, 36],
  ['Müller^Jürgen', 'P-20392', 'M', '19721130', 'Chest AP, bedside', ['DX'], 'diagnosing', 'none', '', 0, 1],
  ['van der Berg^Saskia', 'P-20420', 'F', '20190508', 'Chest PA, child', ['CR'], 'diagnosing', 'none', '', 0, 1],
  ["O'Neill^Finn", 'P-20421', 'M', '19640815', 'CT thorax', ['CT'], 'queued', 'none', '', 0, 2],
  ['Haddad^Layla', 'P-20422', 'F', '19870627', 'CT thorax, 412 images', ['CT'], 'receiving', 'none', '', 0, 0],
  ['Kowalska^Zofia', 'P-20370', 'F', '19590402', 'Cough recording', ['AU'], 'ready', 'none', 'Cannot tell: COVID-19 negative or positive', 1, 52],
  ['Papadopoulos^Nikos', 'P-20361', 'M', '19760918', 'Chest PA', ['CR'], 'ready', 'none', 'Normal', 1, 66],
  ['Nguyễn^Thị Hoa', 'P-20355', 'F', '19910323', 'Chest PA', ['DX'], 'failed', 'none', 'Pixel values out of range', 0, 71],
  ['Haile^Abebe', 'P-20349', 'M', '19850806', '12-lead ECG', ['ECG'], 'signed', 'routine', 'Left bundle branch block', 1, 130],
  ['Rossi^Chiara', 'P-20340', 'F', '19690730', 'Chest PA and lateral', ['DX'], 'signed', 'urgent', 'Pneumonia', 1, 190],
  ['Dubois^Émile', 'P-20333', 'M', '19381212', '12-lead ECG', ['ECG'], 'signed', 'none', 'Normal sinus rhythm', 1, 260],
  ['Jovanović^Milica', 'P-20321', 'F', '20010109', 'Chest PA', ['CR'], 'signed', 'none', 'Normal', 1, 1500],
];

function dicomDay(at) {
  return at.toISOString().slice(0, 10).replaceAll('-', '');
}

export function rows(now = new Date()) {
  return LINES.map(([patientName, patientID, patientSex, patientBirthDate, description, modalities, state, urgency, headline, findings, minutes], i) => {
    const at = new Date(now.getTime() - minutes * 60_000);
    return {
      studyUID: i === 0 ? OPEN : UID(100 + i), patientName, patientID, patientSex, patientBirthDate, description, modalities, state, urgency, headline, findings,
      accession: `A26-${4471 - i * 7}`, studyDate: dicomDay(at), studyTime: at.toISOString().slice(11, 19).replaceAll(':', ''),
      receivedAt: at.toISOString(), instances: state === 'receiving' ? 187 : modalities.length, synthetic: true,
    };
  });
}

const model = (name, digest) => ({ name, version: '1.0.0', digest: `sha256:${digest.repeat(16)}` });
const outcome = (name, code, probability, low, high, inSet) => ({ name, code, system: code === '' ? '' : 'ICD-10', probability, low, high, inSet });

export const SPOTS = [{ x: 0.34, y: 0.66, r: 0.075, weight: 1 }, { x: 0.29, y: 0.52, r: 0.05, weight: 0.55 }, { x: 0.66, y: 0.62, r: 0.04, weight: 0.25 }];

/** overlay is the film's heat map, exactly over its pixels. */
export const overlay = (columns, rowCount) =>
  heat(columns, rowCount, SPOTS.map((s) => ({ x: s.x * columns, y: s.y * rowCount, r: s.r * columns, weight: s.weight })));

function findings(film) {
  const [columns, rowCount] = [film.json['00280011'].Value[0], film.json['00280010'].Value[0]];
  const picture = (digest, method, label, over) => [{ method, outcome: label, caption: `Where the model looked for ${label}: warm speaks for it.`, url: `/api/v1/studies/${OPEN}/pictures/${digest}.png`, overlay: over }];
  return [
    {
      id: 'ecg', sopUID: UID('2.1'), input: 'ecg', kind: 'ecg', task: 'Rhythm and infarction pattern on a 10 s 12-lead ECG', verdict: 'finding', answer: 'atrial fibrillation', urgency: 'critical',
      outcomes: [
        outcome('atrial fibrillation', 'I48', 0.962, 0.93, 0.98, true), outcome('sinus rhythm', '', 0.021, 0.01, 0.05, false), outcome('anterior myocardial infarction', 'I21.0', 0.006, 0.0, 0.02, false),
        outcome('left bundle branch block', 'I44.7', 0.005, 0.0, 0.02, false), outcome('sinus bradycardia', 'R00.1', 0.004, 0.0, 0.02, false), outcome('inferior myocardial infarction', 'I21.1', 0.002, 0.0, 0.02, false),
      ],
      coverage: 0.9, notes: ['The model learnt from SYNTHETIC data only; its probabilities say nothing about patients.'],
      reasons: ['The RR intervals vary by 24 % from beat to beat and follow no pattern.', 'No P wave stands before the QRS complexes in II and V1.', 'No other label reaches 5 %.'],
      model: model('ecg', '3fa9'), pictures: picture('b'.repeat(64), 'integrated-gradients', 'atrial fibrillation', null),
      regions: [], segments: [{ start: 0.6, end: 1.9, lead: 'II', score: 0.9 }, { start: 4.1, end: 5.3, lead: 'II', score: 0.7 }, { start: 5.2, end: 6.2, lead: 'V1', score: 0.8 }, { start: 7.4, end: 8.6, lead: '', score: 0.25 }], review: null,
    },
    {
      id: 'film', sopUID: UID('1.1'), input: 'film', kind: 'image', task: 'Pneumonia on a frontal chest film', verdict: 'finding', answer: 'pneumonia', urgency: 'urgent',
      outcomes: [outcome('pneumonia', 'J18.9', 0.87, 0.78, 0.92, true), outcome('normal', '', 0.13, 0.08, 0.22, false)],
      coverage: 0.9, notes: ['The input is synthetic; the answer shows only that the program works.'],
      reasons: ['Two areas in the right lower and middle zone hold 71 % of what speaks for pneumonia.', 'Hiding them lowers the probability from 87 % to 31 %.', 'The lower left zone speaks weakly against it.'],
      model: model('pneumonia', '81c0'), pictures: picture('a'.repeat(64), 'integrated-gradients', 'pneumonia', `/api/v1/studies/${OPEN}/pictures/${'0'.repeat(64)}.png`),
      regions: [
        { sopUID: UID('1.1'), frame: 1, x: 0.24 * columns, y: 0.56 * rowCount, width: 0.2 * columns, height: 0.2 * rowCount, score: 0.52 },
        { sopUID: UID('1.1'), frame: 1, x: 0.22 * columns, y: 0.46 * rowCount, width: 0.13 * columns, height: 0.1 * rowCount, score: 0.19 },
      ], segments: [], review: null,
    },
    {
      id: 'cough', sopUID: UID('3.1'), input: 'cough', kind: 'sound', task: 'COVID-19 test result from a cough recording', verdict: 'cannot tell', answer: 'cannot tell: COVID-19 negative or COVID-19 positive', urgency: 'none',
      outcomes: [outcome('COVID-19 negative', '', 0.51, 0.41, 0.74, true), outcome('COVID-19 positive', 'U07.1', 0.49, 0.26, 0.59, true)],
      coverage: 0.9, notes: ['Negatives of the training set were not verified by a test.'], reasons: ['Both labels are in the conformal set: the recording does not tell them apart.'],
      model: model('cough', 'd52e'), pictures: picture('c'.repeat(64), 'integrated-gradients', 'COVID-19 positive', null),
      regions: [], segments: [{ start: 0.3, end: 0.75, lead: '', score: 0.8 }, { start: 1.1, end: 1.6, lead: '', score: 0.4 }], review: null,
    },
  ];
}

const image = (n, sopClass, kind, extra = {}) => ({ sopUID: UID(n), sopClass, number: 1, frames: 1, rows: 0, columns: 0, kind, ...extra });

/** theCase is the study that can be opened whole. */
export function theCase(row, film) {
  const received = new Date(row.receivedAt);
  const later = (s) => new Date(received.getTime() + s * 1000).toISOString();
  return {
    study: row,
    series: [
      { seriesUID: UID('1'), modality: 'CR', description: 'Chest PA', number: 1, result: false, instances: [image('1.1', '1.2.840.10008.5.1.4.1.1.1', 'image', { rows: film.json['00280010'].Value[0], columns: film.json['00280011'].Value[0] })] },
      { seriesUID: UID('2'), modality: 'ECG', description: '12-lead ECG, 10 s', number: 2, result: false, instances: [image('2.1', '1.2.840.10008.5.1.4.1.1.9.1.1', 'ecg')] },
      { seriesUID: UID('3'), modality: 'AU', description: 'Cough', number: 3, result: false, instances: [image('3.1', '1.2.840.10008.5.1.4.1.1.9.4.2', 'sound')] },
      { seriesUID: UID('9'), modality: 'SR', description: 'Consilium assessment', number: 901, result: true, instances: [image('9.1', '1.2.840.10008.5.1.4.1.1.88.34', 'report')] },
    ],
    assessment: {
      id: 'a-1', madeAt: later(9), findings: findings(film), disclaimer: DISCLAIMER, synthetic: true,
      refusals: [{ input: 'Lateral view (series 4)', code: 'INPUT_NO_MODEL', what: 'No model of this node reads a lateral chest film.', do: 'Read it without help, or add a model for it.' }],
    },
    signature: null,
    history: [
      { at: later(0), actor: 'MODALITY1', action: 'study.received', text: '4 objects received over DICOM.' },
      { at: later(5), actor: 'system', action: 'study.queued', text: 'No more objects came for 5 s: the study waits for the panel.' },
      { at: later(9), actor: 'system', action: 'assessment.made', text: '3 findings, 1 input not read.' },
      { at: later(10), actor: 'system', action: 'result.sent', text: 'Preliminary report sent to PACS1.' },
    ],
    failure: null,
  };
}

/** filmCase is a study of one film, which opens with it. */
export function filmCase(row, film) {
  const whole = theCase(row, film);
  return {
    ...whole, series: [{ ...whole.series[0], seriesUID: `${FILM}.1`, instances: [{ ...whole.series[0].instances[0], sopUID: `${FILM}.1.1` }] }],
    assessment: { ...whole.assessment, refusals: [], findings: whole.assessment.findings.filter((f) => f.id === 'film').map((f) => ({ ...f, sopUID: `${FILM}.1.1`, regions: f.regions.map((r) => ({ ...r, sopUID: `${FILM}.1.1` })) })) },
  };
}

/** shortCase is what the other studies open with: no objects, no assessment. */
export function shortCase(row) {
  return {
    study: row, series: [], assessment: null, signature: null, history: [{ at: row.receivedAt, actor: 'MODALITY1', action: 'study.received', text: 'The first object arrived.' }],
    failure: row.state === 'failed' ? { code: 'INPUT_RANGE', what: 'The film’s mean value lies outside of what the model was made for.', do: 'Check that the film is not inverted, then diagnose it again.' } : null,
  };
}

export { DISCLAIMER };

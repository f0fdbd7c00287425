// The mock's models, audit log, consents, accounts, tokens and settings.

const MODELS = [
  ['pneumonia', '81c0', 'Pneumonia on a frontal chest film of a child', 'image', ['normal', 'pneumonia'], 0.957, false],
  ['ecg', '3fa9', 'Rhythm and infarction pattern on a 10 s 12-lead ECG', 'ecg', ['sinus rhythm', 'atrial fibrillation', 'left bundle branch block'], 0.981, true],
  ['cough', 'd52e', 'COVID-19 test result from a cough recording', 'sound', ['COVID-19 negative', 'COVID-19 positive'], 0.664, false],
];

const models = MODELS.map(([name, digest, task, kind, labels, auc, synthetic]) => ({
  name, version: '1.0.0', digest: `sha256:${digest.repeat(16)}`, title: task, task, kind, labels, synthetic,
  intendedUse: 'Research and evaluation. A second look for a physician who reads the same recording; never alone.',
  limitations: ['Trained on one public data set.', 'Not tested on pregnant patients.', 'Answers nothing about other diseases.'],
  metrics: [{ metric: 'auc', split: 'test', value: auc, low: auc - 0.017, high: Math.min(1, auc + 0.014), note: '95% bootstrap, 1000 draws' }, { metric: 'accuracy', split: 'test', value: auc - 0.09, low: auc - 0.12, high: auc - 0.06, baseline: 0.625 }],
  trained: '2026-11-02', licence: 'CC BY 4.0', parameters: 148_210, signer: 'f0e1d2c3b4a59687',
}));

const card = (m) => `# ${m.title}\n\n**Intended use.** ${m.intendedUse}\n\n## Labels\n\n${m.labels.map((l) => `- ${l}`).join('\n')}\n\n## How good it was\n\n| figure | split | value | 95 % interval |\n|---|---|---|---|\n${m.metrics.map((f) => `| ${f.metric} | ${f.split} | ${f.value.toFixed(3)} | ${f.low.toFixed(3)}–${f.high.toFixed(3)} |`).join('\n')}\n\n## Limits\n\n${m.limitations.map((l, i) => `${i + 1}. ${l}`).join('\n')}\n\nText of a card is text: <img src=x onerror="document.title='broken'"> stays as it is, and [a link](javascript:alert(1)) too.\n\n\`\`\`\nsha256 ${m.digest}\n\`\`\`\n`;

const ACTIONS = [['login', 'albrecht', 'reader'], ['study.received', 'MODALITY1', ''], ['assessment.made', 'system', ''], ['study.viewed', 'albrecht', 'reader'], ['finding.reviewed', 'albrecht', 'reader'], ['report.signed', 'albrecht', 'reader'], ['result.sent', 'system', ''], ['access.denied', 'guest', 'viewer']];

function entries(n) {
  const now = Date.now();
  return Array.from({ length: n }, (_, i) => {
    const [action, actor, role] = ACTIONS[i % ACTIONS.length];
    const at = new Date(now - (n - i) * 61_000).toISOString();
    const clinical = !['login', 'access.denied'].includes(action);
    return {
      index: i + 1, time: at, logged: at, actor, role, action, outcome: action === 'access.denied' ? 'ACCESS_DENIED' : 'ok',
      ...(clinical ? { patient: `P-204${10 + (i % 9)}`, study: `1.2.826.0.1.3680043.10.1.${100 + (i % 9)}` } : {}),
      ...(action === 'assessment.made' ? { model: `ecg@1.0.0#sha256:${'3fa9'.repeat(4)}` } : {}),
      detail: clinical ? { purpose: 'care' } : { address: '127.0.0.1' },
    };
  });
}

export function administration() {
  const log = entries(640);
  const consents = [{ id: 'c1', purpose: 'research', decision: 'permit', from: '2026-01-10T00:00:00Z', text: 'Explained by Dr. Albrecht.', made: '2026-01-10T09:00:00Z', by: 'Dr. Ines Albrecht', inForce: true }];
  const users = [
    { id: 'u1', name: 'admin', fullName: 'Administrator', role: 'admin', disabled: false, outside: false, ready: true, created: '2026-10-01T08:00:00Z', lastSeen: new Date().toISOString() },
    { id: 'u2', name: 'reader', fullName: 'Dr. Ines Albrecht', role: 'reader', disabled: false, outside: false, ready: true, created: '2026-10-02T08:00:00Z', lastSeen: null },
    { id: 'u3', name: 'kim@clinic', fullName: 'Kim Park', role: 'viewer', disabled: true, outside: true, ready: true, created: '2026-10-03T08:00:00Z', lastSeen: null },
  ];
  let tokens = [{ id: 't1', name: 'archive export', role: 'viewer', actions: [], created: '2026-11-01T08:00:00Z', expires: '2027-01-30T08:00:00Z', lastUsed: null }];
  let settings = { node: { site: 'Clinic of the invented patients', aeTitle: 'CONSILIUM', callers: ['MODALITY1', 'PACS1'], quietSeconds: 5 }, peers: [{ name: 'Archive', kind: 'dicom', address: '127.0.0.1:4242', aeTitle: 'PACS1' }, { name: 'Record', kind: 'fhir', address: 'https://record.example/fhir' }] };
  let changed = false;
  const readonly = { dataDir: 'D', listen: '127.0.0.1:8080', dicom: '127.0.0.1:11112', store: 'sqlite' };
  const ok = (body, status = 200) => ({ status, body });

  return (method, url, json) => {
    const path = url.pathname;
    const q = url.searchParams;
    const last = decodeURIComponent(path.split('/').at(-1));
    if (path === '/api/v1/models') return ok(models);
    if (/^\/api\/v1\/models\/[^/]+\/card$/.test(path)) {
      const m = models.find((one) => one.name === decodeURIComponent(path.split('/')[4]));
      return m ? ok({ markdown: card(m) }) : null;
    }
    if (path === '/api/v1/audit/verify') return ok({ ok: true, entries: log.length, error: null });
    if (path === '/api/v1/audit') {
      const before = Number(q.get('before') ?? 0);
      const fits = log.filter((e) => (before === 0 || e.index < before) && ['patient', 'study', 'actor', 'action'].every((k) => !q.get(k) || e[k] === q.get(k))).reverse();
      const items = fits.slice(0, Number(q.get('limit') ?? 50));
      return ok({ items, next: fits.length > items.length ? items.at(-1).index : 0, size: log.length, root: 'q0Xv3bS0m9n2Jx1hZ4fYp8cKd7uT5aWe6RiLoQyGzEk=', checkpoint: `consilium/mock\n${log.length}\nq0Xv3bS0m9n2Jx1hZ4fYp8cKd7uT5aWe6RiLoQyGzEk=\n\n— consilium/mock 3f1a…\n` });
    }
    if (path.endsWith('/consents')) {
      if (method === 'GET') return ok({ items: consents });
      const d = { ...json(), id: `c${consents.length + 1}`, made: new Date().toISOString(), by: 'Dr. Ines Albrecht', inForce: true };
      for (const c of consents) if (c.purpose === d.purpose) c.inForce = false;
      consents.unshift(d);
      return ok(d, 201);
    }
    if (path === '/api/v1/consent-text') return ok({ purpose: q.get('purpose'), title: `Your data for ${q.get('purpose')}`, version: '1', paragraphs: ['The hospital asks you whether your images and recordings may be used for this purpose.', 'You may say no, and you may change your mind at any time. Your care does not depend on it.'] });
    if (path === '/api/v1/users') {
      if (method === 'GET') return ok({ items: users });
      const user = { id: `u${users.length + 1}`, fullName: '', ...json(), disabled: false, outside: false, ready: false, created: new Date().toISOString(), lastSeen: null };
      users.push(user);
      return ok({ user, link: '/setup#mock-one-time-secret' }, 201);
    }
    if (path.startsWith('/api/v1/users/')) {
      if (path.endsWith('/link')) return ok({ link: '/setup#mock-one-time-secret' });
      const user = users.find((u) => u.id === last);
      if (method === 'DELETE') users.splice(users.indexOf(user), 1);
      else Object.assign(user, json());
      return ok(user ?? null);
    }
    if (path === '/api/v1/password') return ok(null, 204);
    if (path === '/api/v1/tokens') {
      if (method === 'GET') return ok({ items: tokens });
      const token = { id: `t${tokens.length + 1}`, actions: [], ...json(), created: new Date().toISOString(), lastUsed: null };
      tokens.push(token);
      return ok({ token, secret: 'mock_4f9d2c7e1b8a' }, 201);
    }
    if (path.startsWith('/api/v1/tokens/')) {
      tokens = tokens.filter((t) => t.id !== last);
      return ok(null, 204);
    }
    if (path === '/api/v1/settings') {
      if (method === 'PUT') [settings, changed] = [json(), true];
      return ok({ ...settings, readonly, changed });
    }
    if (path === '/api/v1/status') return ok({ version: '0.3.0', started: new Date(Date.now() - 7.3e6).toISOString(), models: 3, queue: 2, studies: { ready: 6, signed: 4, queued: 1 }, disk: { free: 412e9, total: 960e9 }, audit: log.length, trouble: [] });
    return null;
  };
}

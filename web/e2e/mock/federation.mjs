// The mock's federation jobs, and a report with what a careless page would run.

const job = (id, title, more) => ({
  id, title, purpose: '', by: 'i.albrecht', hash: '2590fdc7b042f526208379a8adbc927316b98e6f166cd93c7ae3162f26a40476', algorithm: 'fedavg', sum: 'plain', phase: 'running', outcome: '', reason: '',
  round: 0, rounds: 20, attempt: 1, step: '', waits: '', until: null, agreed: 23, refused: 1, in: 0, asked: 0, epsilon: 0, budget: 0, delta: 0, macroF1: null, bytes: 0,
  started: null, ended: null, written: new Date().toISOString(), trouble: '', ...more,
});

const jobs = () => [
  job('retina-23', 'Grading diabetic retinopathy with 23 eye clinics', {
    purpose: 'Small clinics see too few severe cases to learn from alone. Together they may.', sum: 'masks', round: 8, attempt: 2, step: 'masked', waits: 'the masked updates',
    until: new Date(Date.now() + 130_000).toISOString(), in: 21, asked: 23, epsilon: 4.3812, budget: 8, delta: 1e-5, macroF1: 0.7063, bytes: 643_000_000, started: new Date(Date.now() - 6e5).toISOString(),
  }),
  job('chest-5', 'Pneumonia on chest films of children <img src=x onerror="document.title=\'broken\'">', {
    phase: 'finished', outcome: 'ok', round: 20, in: 5, asked: 5, agreed: 5, refused: 0, macroF1: 0.912, bytes: 41_000_000, algorithm: 'scaffold',
  }),
  job('heart-4', 'Heart disease in four hospitals', { phase: 'proposed', agreed: 1, refused: 0, waits: 'consent', until: new Date(Date.now() + 94e6).toISOString() }),
  job('cough-9', 'Cough recordings of nine clinics', { phase: 'finished', outcome: 'failed', round: 1, rounds: 12, in: 2, asked: 9, reason: 'QUORUM_MISSED: round 1 had 2 updates, 5 are needed, and was tried 3 times (wait for the sites, or lower the quorum)' }),
  job('torn', 'torn', { phase: '', by: '', algorithm: '', sum: '', written: null, trouble: 'the report of a federation job cannot be understood: unexpected EOF' }),
];

const report = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Report</title><style>:root{color-scheme:light dark}</style></head><body><h1>Who was in, and who dropped when</h1>
<script>document.querySelector('h1').textContent = 'a script ran'</script><p>Decision support for evaluation and research.</p></body></html>`;

export function federation(path, user, res, send, refuse) {
  if (user !== 'admin') return refuse(res, 403, 'ACCESS_DENIED', 'your role may not do that', 'ask an administrator');
  if (path === '/api/v1/federation') return send(res, 200, { items: jobs() });
  if (path.endsWith('/report.html')) {
    res.setHeader('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups");
    return send(res, 200, Buffer.from(report), 'text/html; charset=utf-8');
  }
  return refuse(res, 404, 'NOT_FOUND', 'there is no such job', 'take a job from the list');
}

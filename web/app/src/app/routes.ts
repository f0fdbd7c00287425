// Addresses of the page and what they show. Pure, so that the test can read it.

export type Route =
  | { view: 'worklist' }
  | { view: 'case'; uid: string }
  | { view: 'letter'; uid: string }
  | { view: 'report'; uid: string }
  | { view: 'consent'; patient: string }
  | { view: 'models'; name: string }
  | { view: 'federation'; job: string }
  | { view: 'audit' }
  | { view: 'settings'; tab: string }
  | { view: 'setup' }
  | { view: 'signin' }
  | { view: 'lost' };

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

export function route(path: string): Route {
  const parts = path.split('/').filter((p) => p !== '').map(decode);
  if (parts.includes(null)) return { view: 'lost' };
  const [a, b, c, ...more] = parts as string[];
  if (more.length > 0) return { view: 'lost' };
  if (a === undefined) return { view: 'worklist' };
  if (a === 'case' && b !== undefined) {
    if (c === undefined || c === 'view') return { view: 'case', uid: b };
    if (c === 'letter' || c === 'report') return { view: c, uid: b };
  }
  if (a === 'patients' && b !== undefined && c === 'consent') return { view: 'consent', patient: b };
  if (a === 'models' && c === undefined) return { view: 'models', name: b ?? '' };
  if (a === 'federation' && c === undefined) return { view: 'federation', job: b ?? '' };
  if (a === 'settings' && c === undefined) return { view: 'settings', tab: b ?? 'node' };
  if (b === undefined && (a === 'audit' || a === 'setup' || a === 'signin')) return { view: a };
  return { view: 'lost' };
}

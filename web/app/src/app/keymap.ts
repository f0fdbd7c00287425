// The keys of the page: one table that the handlers and the help overlay share.

export type Scope = 'anywhere' | 'worklist' | 'case' | 'image' | 'ecg' | 'sound';

export interface Key {
  id: string;
  scope: Scope;
  keys: string[]; // each one stroke ("j", "Shift+N", "ArrowUp") or two in a row ("g w")
  does: string;
}

export const KEYMAP: readonly Key[] = [
  { id: 'help', scope: 'anywhere', keys: ['?'], does: 'Show or hide these keys' },
  { id: 'theme', scope: 'anywhere', keys: ['t'], does: 'Light or dark' },
  { id: 'go.worklist', scope: 'anywhere', keys: ['g w'], does: 'Go to the worklist' },
  { id: 'go.models', scope: 'anywhere', keys: ['g m'], does: 'Go to the models' },
  { id: 'go.federation', scope: 'anywhere', keys: ['g f'], does: 'Go to the federation' },
  { id: 'go.audit', scope: 'anywhere', keys: ['g a'], does: 'Go to the audit log' },
  { id: 'go.settings', scope: 'anywhere', keys: ['g s'], does: 'Go to the settings' },

  { id: 'list.next', scope: 'worklist', keys: ['j', 'ArrowDown'], does: 'Next study' },
  { id: 'list.previous', scope: 'worklist', keys: ['k', 'ArrowUp'], does: 'Previous study' },
  { id: 'list.open', scope: 'worklist', keys: ['Enter'], does: 'Open the study' },
  { id: 'list.search', scope: 'worklist', keys: ['/'], does: 'Search' },
  { id: 'list.clear', scope: 'worklist', keys: ['x'], does: 'Clear all filters' },
  { id: 'list.upload', scope: 'worklist', keys: ['+'], does: 'Add files' },

  { id: 'finding.next', scope: 'case', keys: ['j'], does: 'Next finding' },
  { id: 'finding.previous', scope: 'case', keys: ['k'], does: 'Previous finding' },
  { id: 'finding.accept', scope: 'case', keys: ['a'], does: 'Accept the finding' },
  { id: 'finding.correct', scope: 'case', keys: ['c'], does: 'Correct the finding' },
  { id: 'finding.reject', scope: 'case', keys: ['r'], does: 'Reject the finding' },
  { id: 'finding.model', scope: 'case', keys: ['m'], does: 'Card of the model that answered' },
  { id: 'case.sign', scope: 'case', keys: ['s'], does: 'Sign' },
  { id: 'case.history', scope: 'case', keys: ['h'], does: 'Findings or history' },
  { id: 'case.series', scope: 'case', keys: ['n'], does: 'Next series' },
  { id: 'case.back', scope: 'case', keys: ['u'], does: 'Back to the worklist' },

  { id: 'image.overlay', scope: 'image', keys: ['o'], does: 'Heat map on or off' },
  { id: 'image.fainter', scope: 'image', keys: ['['], does: 'Heat map fainter' },
  { id: 'image.stronger', scope: 'image', keys: [']'], does: 'Heat map stronger' },
  { id: 'image.regions', scope: 'image', keys: ['b'], does: 'Region boxes on or off' },
  { id: 'image.invert', scope: 'image', keys: ['i'], does: 'Invert' },
  { id: 'image.reset', scope: 'image', keys: ['0'], does: 'Reset window, zoom and position' },
  { id: 'image.preset', scope: 'image', keys: ['1', '2', '3', '4', '5'], does: 'Window presets' },
  { id: 'image.next', scope: 'image', keys: ['ArrowDown'], does: 'Next image or frame' },
  { id: 'image.previous', scope: 'image', keys: ['ArrowUp'], does: 'Previous image or frame' },
  { id: 'image.in', scope: 'image', keys: ['+', '='], does: 'Zoom in' },
  { id: 'image.out', scope: 'image', keys: ['-'], does: 'Zoom out' },
  { id: 'image.window', scope: 'image', keys: ['w'], does: 'Drag sets the window' },
  { id: 'image.pan', scope: 'image', keys: ['p'], does: 'Drag moves the image' },
  { id: 'image.length', scope: 'image', keys: ['d'], does: 'Drag measures a distance' },
  { id: 'image.zoom', scope: 'image', keys: ['z'], does: 'Drag zooms' },

  { id: 'ecg.layout', scope: 'ecg', keys: ['l'], does: '3×4 with rhythm strip, or all leads stacked' },
  { id: 'ecg.gain', scope: 'ecg', keys: ['+', '='], does: 'Double the gain' },
  { id: 'ecg.lessGain', scope: 'ecg', keys: ['-'], does: 'Halve the gain' },
  { id: 'ecg.calipers', scope: 'ecg', keys: ['x'], does: 'Remove the calipers' },
  { id: 'ecg.segments', scope: 'ecg', keys: ['o'], does: 'Marked segments on or off' },

  { id: 'sound.play', scope: 'sound', keys: [' '], does: 'Play or pause' },
  { id: 'sound.forward', scope: 'sound', keys: ['ArrowRight'], does: 'Forward by 0.5 s' },
  { id: 'sound.back', scope: 'sound', keys: ['ArrowLeft'], does: 'Back by 0.5 s' },
  { id: 'sound.segments', scope: 'sound', keys: ['o'], does: 'Marked segments on or off' },
];

/** stroke names a pressed key: "j", "?", "Shift+ArrowUp". Chords with Ctrl, Alt or Meta are the browser's. */
export function stroke(e: { key: string; shiftKey: boolean; ctrlKey: boolean; altKey: boolean; metaKey: boolean }): string | null {
  if (e.ctrlKey || e.altKey || e.metaKey) return null;
  if (e.key === 'Shift' || e.key === 'Dead' || e.key === 'Process') return null;
  return e.shiftKey && e.key.length > 1 ? `Shift+${e.key}` : e.key;
}

export interface Match {
  hits: { id: string; key: string }[]; // what the strokes mean, in table order
  pending: string; // first stroke of a pair, waiting for the second
}

/** match finds what one more stroke means after the pending one. */
export function match(pending: string, next: string, table: readonly Key[] = KEYMAP): Match {
  const pair = pending === '' ? '' : `${pending} ${next}`;
  const find = (text: string) => table.filter((k) => k.keys.includes(text)).map((k) => ({ id: k.id, key: text }));
  if (pair !== '') {
    const hits = find(pair);
    if (hits.length > 0) return { hits, pending: '' };
  }
  const hits = find(next);
  const opens = table.some((k) => k.keys.some((text) => text.startsWith(`${next} `) && text.length > 2));
  return { hits, pending: opens ? next : '' };
}

/** label writes a key for the help overlay. */
export function label(key: string): string {
  const names: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', ' ': 'Space' };
  return names[key] ?? key;
}

import { useEffect, useRef } from 'react';
import { match, stroke } from './keymap.ts';

type Handlers = Record<string, (key: string) => void>;

// Views register what they do for a key's id; the one mounted last is asked
// first. A dialog that is open keeps all keys to itself.
const registered: { current: Handlers }[] = [];
let pending = '';
let pendingSince = 0;

const PAIR = 1200; // ms within which the second stroke of a pair must come

// In the capturing phase: Cornerstone keeps the keys of its own element to itself.
const CAPTURE = true;

const STORED = 'consilium.keys';

/** Single-key shortcuts can be turned off (WCAG 2.1.4). */
export const keysAreOn = (): boolean => localStorage.getItem(STORED) !== 'off';
export const turnKeys = (on: boolean): void => localStorage.setItem(STORED, on ? 'on' : 'off');

function writes(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

// Enter and Space belong to the button or link that has the focus; the arrows to a slider or a set of tabs.
function belongsToControl(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (key === 'Enter' || key === ' ') return target.closest('button, a, summary, input, [role=tab]') !== null;
  return key.startsWith('Arrow') && target.closest('input[type=range], input[type=radio], [role=tablist], [data-own-arrows]') !== null;
}

function listen(e: KeyboardEvent): void {
  if (e.defaultPrevented || writes(e.target) || belongsToControl(e.target, e.key)) return;
  if (document.querySelector('dialog[open]') && e.key !== '?') return;
  const next = stroke(e);
  if (next === null || (!keysAreOn() && next.length === 1 && next !== '?')) return;
  const now = performance.now();
  const found = match(now - pendingSince < PAIR ? pending : '', next);
  pending = found.pending;
  pendingSince = now;
  for (let i = registered.length - 1; i >= 0; i--) {
    for (const hit of found.hits) {
      const handler = registered[i]?.current[hit.id];
      if (handler) {
        e.preventDefault();
        handler(hit.key);
        return;
      }
    }
  }
}

/** useKeys handles keys of KEYMAP by their id while the component is on the page. */
export function useKeys(handlers: Handlers): void {
  const box = useRef(handlers);
  box.current = handlers;
  useEffect(() => {
    if (registered.length === 0) window.addEventListener('keydown', listen, CAPTURE);
    registered.push(box);
    return () => {
      registered.splice(registered.indexOf(box), 1);
      if (registered.length === 0) window.removeEventListener('keydown', listen, CAPTURE);
    };
  }, []);
}

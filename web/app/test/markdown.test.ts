import assert from 'node:assert/strict';
import test from 'node:test';
import { blocks, inline } from '../src/ui/markdown.ts';

test('the blocks of a card', () => {
  const found = blocks('# Title\n\nOne\ntwo **bold** `code`.\n\n- a\n- b\n  more\n\n1. x\n2) y\n\n| h | i |\n|---|--:|\n| 1 | 2 |\n\n```\n<raw>\n```\n');
  assert.deepEqual(found.map((b) => b.kind), ['heading', 'paragraph', 'list', 'list', 'table', 'code']);
  assert.deepEqual(found[1], { kind: 'paragraph', text: [{ kind: 'text', text: 'One two ' }, { kind: 'strong', text: 'bold' }, { kind: 'text', text: ' ' }, { kind: 'code', text: 'code' }, { kind: 'text', text: '.' }] });
  assert.deepEqual(found[2], { kind: 'list', ordered: false, items: [[{ kind: 'text', text: 'a' }], [{ kind: 'text', text: 'b more' }]] });
  const numbered = found[3]!;
  assert.ok(numbered.kind === 'list' && numbered.ordered);
});

test('what could do harm is text', () => {
  for (const evil of ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '[x](javascript:alert(1))', '![x](http://elsewhere/x.png)', '<style>*{display:none}</style>']) {
    const parts = inline(evil);
    assert.ok(parts.every((p) => ['text', 'code', 'strong', 'em'].includes(p.kind)));
    assert.ok(parts.map((p) => p.text).join('').length > 0);
  }
  assert.deepEqual(inline('[x](javascript:alert(1))')[0]!.kind, 'text');
});

test('anything ends, whatever it is', () => {
  for (const text of ['', '```', '|', '| a |\n|---|', '-', '- ', '#', '####### x', '**', '* * *', 'a|b\n---|---', '\r\r\n', '1.', '`'.repeat(999), '*'.repeat(999), '[('.repeat(500)]) blocks(text);
});

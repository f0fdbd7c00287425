// A reader for the small part of Markdown that model cards use. It gives a
// tree, not HTML: what it does not know stays text.

export type Inline = { kind: 'text' | 'code' | 'strong' | 'em'; text: string };

export type Block =
  | { kind: 'heading'; level: number; text: Inline[] }
  | { kind: 'paragraph'; text: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] };

const MARK = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)\s]+\))/;

/** inline reads `code`, **strong**, *emphasis*; of a link it keeps text and address as text. */
export function inline(line: string): Inline[] {
  return line.split(MARK).filter((p) => p !== '').map((p): Inline => {
    if (p.length > 2 && p.startsWith('`') && p.endsWith('`')) return { kind: 'code', text: p.slice(1, -1) };
    if (p.length > 4 && p.startsWith('**') && p.endsWith('**')) return { kind: 'strong', text: p.slice(2, -2) };
    if (p.length > 2 && p.startsWith('*') && p.endsWith('*')) return { kind: 'em', text: p.slice(1, -1) };
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(p);
    return { kind: 'text', text: link ? `${link[1]} (${link[2]})` : p };
  });
}

const cells = (line: string): string[] => line.trim().replace(/^\||\|$/g, '').split('|').map((c) => c.trim());
const isRule = (line: string): boolean => /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(line) && line.includes('-');
const item = (line: string): RegExpExecArray | null => /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/.exec(line);

/** blocks reads a whole card. */
export function blocks(markdown: string): Block[] {
  const lines = markdown.replaceAll('\r', '').split('\n');
  const out: Block[] = [];
  let i = 0;
  const opens = (line: string, next: string): boolean =>
    line.trim() === '' || /^#{1,6}\s/.test(line) || line.startsWith('```') || item(line) !== null || (line.includes('|') && isRule(next));
  while (i < lines.length) {
    const line = lines[i]!;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === '') {
      i++;
    } else if (heading) {
      out.push({ kind: 'heading', level: heading[1]!.length, text: inline(heading[2]!) });
      i++;
    } else if (line.startsWith('```')) {
      const end = lines.findIndex((l, n) => n > i && l.startsWith('```'));
      const stop = end < 0 ? lines.length : end;
      out.push({ kind: 'code', text: lines.slice(i + 1, stop).join('\n') });
      i = stop + 1;
    } else if (line.includes('|') && isRule(lines[i + 1] ?? '')) {
      const rows: Inline[][][] = [];
      const head = cells(line).map(inline);
      for (i += 2; i < lines.length && lines[i]!.includes('|'); i++) rows.push(cells(lines[i]!).map(inline));
      out.push({ kind: 'table', head, rows });
    } else if (item(line)) {
      const ordered = item(line)![1] !== undefined;
      const items: string[] = [];
      for (; i < lines.length && lines[i]!.trim() !== ''; i++) {
        const m = item(lines[i]!);
        if (m) items.push(m[2]!);
        else if (/^\s/.test(lines[i]!)) items[items.length - 1] += ` ${lines[i]!.trim()}`;
        else break;
      }
      out.push({ kind: 'list', ordered, items: items.map(inline) });
    } else {
      let text = line.trim();
      for (i++; i < lines.length && !opens(lines[i]!, lines[i + 1] ?? ''); i++) text += ` ${lines[i]!.trim()}`;
      out.push({ kind: 'paragraph', text: inline(text) });
    }
  }
  return out;
}

import { Fragment } from 'react';
import { blocks, type Block, type Inline } from './markdown.ts';
import './markdown.css';

function Text({ parts }: { parts: Inline[] }) {
  return parts.map((p, i) => {
    if (p.kind === 'code') return <code key={i}>{p.text}</code>;
    if (p.kind === 'strong') return <strong key={i}>{p.text}</strong>;
    if (p.kind === 'em') return <em key={i}>{p.text}</em>;
    return <Fragment key={i}>{p.text}</Fragment>;
  });
}

function One({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading': {
      const Tag = block.level <= 1 ? 'h2' : block.level === 2 ? 'h3' : 'h4';
      return <Tag><Text parts={block.text} /></Tag>;
    }
    case 'paragraph':
      return <p><Text parts={block.text} /></p>;
    case 'code':
      return <pre tabIndex={0}>{block.text}</pre>;
    case 'list': {
      const Tag = block.ordered ? 'ol' : 'ul';
      return <Tag>{block.items.map((t, i) => <li key={i}><Text parts={t} /></li>)}</Tag>;
    }
    case 'table':
      return (
        <div className="scroll-x">
          <table className="table">
            <thead><tr>{block.head.map((c, i) => <th key={i}><Text parts={c} /></th>)}</tr></thead>
            <tbody>{block.rows.map((r, i) => <tr key={i}>{r.map((c, n) => <td key={n}><Text parts={c} /></td>)}</tr>)}</tbody>
          </table>
        </div>
      );
  }
}

/** Markdown shows a model card. Everything in it becomes text nodes; it cannot bring HTML, pictures or links. */
export function Markdown({ text }: { text: string }) {
  return <div className="markdown">{blocks(text).map((b, i) => <One key={i} block={b} />)}</div>;
}

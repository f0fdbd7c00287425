import type { Region } from '../api/types.ts';
import { percent } from '../format/format.ts';
import { scale, svgMatrix } from './affine.ts';
import type { View } from './Stage.ts';

interface Props {
  view: View;
  heat: string | null;
  opacity: number;
  boxes: Region[];
}

/**
 * Overlay lies over the canvas and follows its image: the heat map is stretched
 * over exactly the image's pixels, whatever size it was drawn in.
 */
export function Overlay({ view, heat, opacity, boxes }: Props) {
  const px = 1 / scale(view.matrix);
  return (
    <svg className="overlay" aria-hidden={boxes.length === 0}>
      <g transform={svgMatrix(view.matrix)}>
        {heat !== null && <image className="heat" href={heat} width={view.columns} height={view.rows} preserveAspectRatio="none" opacity={opacity} />}
        {boxes.map((r, i) => (
          <g key={i}>
            <title>{`${percent(r.score)} of what the map shows lies in this region`}</title>
            <rect className="region under" x={r.x} y={r.y} width={r.width} height={r.height} vectorEffect="non-scaling-stroke" />
            <rect className="region" x={r.x} y={r.y} width={r.width} height={r.height} vectorEffect="non-scaling-stroke" />
            <text x={r.x + 4 * px} y={r.y + r.height - 6 * px} fontSize={12 * px}>{percent(r.score)}</text>
          </g>
        ))}
      </g>
    </svg>
  );
}

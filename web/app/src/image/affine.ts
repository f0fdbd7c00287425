// Where the pixels of an image lie on the canvas.

export type Point = readonly [number, number];

/** Affine maps (x, y) to (a x + c y + e, b x + d y + f), as SVG writes it. */
export interface Affine {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

/**
 * fromCorners gives the map of pixel coordinates from where three of them fall.
 * A pixel's centre has whole numbers in DICOM and Cornerstone; in the
 * coordinates of the overlay, (0, 0) is the outer corner of the first pixel.
 */
export function fromCorners(origin: Point, right: Point, down: Point, columns: number, rows: number): Affine {
  const a = (right[0] - origin[0]) / columns;
  const b = (right[1] - origin[1]) / columns;
  const c = (down[0] - origin[0]) / rows;
  const d = (down[1] - origin[1]) / rows;
  return { a, b, c, d, e: origin[0], f: origin[1] };
}

export const svgMatrix = (m: Affine): string => `matrix(${m.a} ${m.b} ${m.c} ${m.d} ${m.e} ${m.f})`;

/** scale says how many screen pixels one image pixel takes. */
export const scale = (m: Affine): number => Math.hypot(m.a, m.b);

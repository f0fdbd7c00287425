// A PNG writer for the mock's heat maps: 8-bit RGBA, no filter.
import { crc32, deflateSync } from 'node:zlib';

function chunk(type, data) {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)) >>> 0, data.length + 8);
  return out;
}

/** png writes width x height pixels that pixel(x, y) gives as [r, g, b, a]. */
export function png(width, height, pixel) {
  const raw = Buffer.alloc(height * (width * 4 + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) raw.set(pixel(x, y), y * (width * 4 + 1) + 1 + x * 4);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** heat draws a transparent map of Gaussian spots {x, y, r, weight}, warm where it is strong. */
export function heat(width, height, spots) {
  return png(width, height, (x, y) => {
    const v = Math.min(1, spots.reduce((s, p) => s + p.weight * Math.exp(-((x - p.x) ** 2 + (y - p.y) ** 2) / (2 * p.r * p.r)), 0));
    return [255, Math.round(225 * (1 - v) ** 0.8), Math.round(60 * (1 - v)), Math.round(255 * Math.max(0, v - 0.08))];
  });
}

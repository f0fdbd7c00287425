// Cornerstone, started once: core, tools, and the loader that fetches frames
// from this node's DICOMweb and decodes them in a worker.

import { Enums, getRenderingCapabilities, imageLoader, init as startCore, RenderingEngine } from '@cornerstonejs/core';
import { init as startLoader, wadors } from '@cornerstonejs/dicom-image-loader';
import {
  addTool, init as startTools, LengthTool, PanTool, StackScrollTool, WindowLevelTool, ZoomTool,
} from '@cornerstonejs/tools';
import type { Instance } from '../api/types.ts';
import { ApiError } from '../api/client.ts';

let engine: RenderingEngine | null = null;

/** start readies Cornerstone, once, and gives the engine that all viewports share. */
export function start(): RenderingEngine {
  if (engine) return engine;
  // WebGL that the processor emulates needs seconds for the first image; drawing
  // on a plain canvas needs none. One viewport needs one WebGL context, not a pool.
  const { webgl, softwareRasterizer } = getRenderingCapabilities();
  startCore({ debug: { statsOverlay: false }, rendering: { webGlContextCount: 1, useCPURendering: !webgl || softwareRasterizer } });
  startLoader({ maxWebWorkers: Math.max(1, Math.min(4, Math.floor(navigator.hardwareConcurrency / 2))) });
  startTools();
  for (const tool of [WindowLevelTool, PanTool, ZoomTool, StackScrollTool, LengthTool]) addTool(tool);
  engine = new RenderingEngine('consilium');
  return engine;
}

/** Metadata of one object in the DICOM JSON model (PS3.18 Annex F). */
export type Metadata = Record<string, { vr: string; Value?: unknown[] }>;

const DEADLINE = 30_000; // ms
const SOP_INSTANCE_UID = '00080018';
const IMAGE_NUMBER = '00200013';

export interface Frame {
  imageId: string;
  sopUID: string;
  frame: number; // from 1
  metadata: Metadata;
}

/** first gives an attribute's first value as text; '' when there is none. */
export function first(m: Metadata, tag: string): string {
  const v = m[tag]?.Value?.[0];
  return v === undefined || v === null ? '' : String(v);
}

/** values gives all values of an attribute as text. */
export function values(m: Metadata, tag: string): string[] {
  return (m[tag]?.Value ?? []).map(String);
}

const known = new Map<string, Promise<Frame[]>>();

/**
 * frames lists the image frames of a series in the order in which they are
 * read, with the metadata that Cornerstone needs to decode them.
 */
export function frames(study: string, series: string, images: Instance[]): Promise<Frame[]> {
  const key = `${series} ${images.map((i) => i.sopUID).join(' ')}`;
  let promise = known.get(key);
  if (!promise) {
    promise = read(study, series, images);
    known.set(key, promise);
    promise.catch(() => known.delete(key)); // so that trying again asks again
  }
  return promise;
}

async function read(study: string, series: string, images: Instance[]): Promise<Frame[]> {
  const root = `${window.location.origin}/dicomweb/studies/${study}/series/${series}`;
  const wanted = new Map(images.map((i) => [i.sopUID, i]));
  // One object is asked for alone: a series may hold thousands of others.
  const address = images.length === 1 ? `${root}/instances/${images[0]!.sopUID}/metadata` : `${root}/metadata`;
  const response = await fetch(address, { headers: { Accept: 'application/dicom+json' }, signal: AbortSignal.timeout(DEADLINE) });
  if (!response.ok) throw new ApiError(response.status, `HTTP_${response.status}`, 'The description of the images could not be read.', 'Try again; if it stays so, look at the node’s log.');
  const all = ((await response.json()) as Metadata[]).filter((m) => wanted.has(first(m, SOP_INSTANCE_UID)));
  all.sort((a, b) => Number(first(a, IMAGE_NUMBER)) - Number(first(b, IMAGE_NUMBER)));
  return all.flatMap((metadata) => {
    const sopUID = first(metadata, SOP_INSTANCE_UID);
    const count = Math.max(1, wanted.get(sopUID)?.frames ?? 1);
    return Array.from({ length: count }, (_, i): Frame => {
      const imageId = `wadors:${root}/instances/${sopUID}/frames/${i + 1}`;
      wadors.metaDataManager.add(imageId, metadata as never);
      return { imageId, sopUID, frame: i + 1, metadata };
    });
  });
}

/** ahead loads the frames around one, nearest first, until it is told to stop. */
export function ahead(all: Frame[], from: number): () => void {
  let stopped = false;
  const order = all.map((_, i) => i).sort((a, b) => Math.abs(a - from) - Math.abs(b - from)).slice(1, 400);
  void (async () => {
    for (const i of order) {
      if (stopped) return;
      try {
        await imageLoader.loadAndCacheImage(all[i]!.imageId, { priority: 10, requestType: Enums.RequestType.Prefetch });
      } catch {
        return; // the viewer says so when this frame is opened
      }
    }
  })();
  return () => { stopped = true; };
}

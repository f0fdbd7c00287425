// One Cornerstone viewport with its tools, as the image viewer needs it.

import { Enums, eventTarget, type Types } from '@cornerstonejs/core';
import { Enums as ToolEnums, LengthTool, PanTool, StackScrollTool, ToolGroupManager, WindowLevelTool, ZoomTool, annotation } from '@cornerstonejs/tools';
import { fromCorners, type Affine, type Point } from './affine.ts';
import { start } from './cornerstone.ts';
import type { Window } from './presets.ts';

export type Tool = 'window' | 'pan' | 'zoom' | 'length';

/** View is what the viewer shows around the image; it changes with every rendering. */
export interface View {
  index: number;
  columns: number;
  rows: number;
  matrix: Affine; // image pixels to canvas
  window: Window;
  stored: Window; // the window that the object itself asks for
  range: Window; // of the values in this image
  invert: boolean;
}

const NAMES: Record<Tool, string> = {
  window: WindowLevelTool.toolName,
  pan: PanTool.toolName,
  zoom: ZoomTool.toolName,
  length: LengthTool.toolName,
};

const { MouseBindings } = ToolEnums;
let count = 0;

export class Stage {
  private readonly engine = start();
  private readonly viewport: Types.IStackViewport;
  private readonly id = `stage-${++count}`;
  private readonly element: HTMLDivElement;
  private readonly changed: (view: View) => void;
  private readonly failed: (e: unknown) => void;
  private readonly resize: ResizeObserver;
  private stored: Window | null = null;
  private dead = false;

  constructor(element: HTMLDivElement, changed: (view: View) => void, failed: (e: unknown) => void) {
    this.element = element;
    this.changed = changed;
    this.failed = failed;
    this.engine.enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = this.engine.getViewport(this.id) as Types.IStackViewport;
    this.tools();
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.loadFailed);
    this.resize = new ResizeObserver(() => { if (!this.dead && element.clientWidth > 0) this.engine.resize(true, true); });
    this.resize.observe(element);
  }

  private tools(): void {
    const group = ToolGroupManager.createToolGroup(this.id)!;
    for (const name of [...Object.values(NAMES), StackScrollTool.toolName]) group.addTool(name);
    group.addViewport(this.id, this.engine.id);
    group.setToolActive(StackScrollTool.toolName, { bindings: [{ mouseButton: MouseBindings.Wheel }, { numTouchPoints: 3 }] });
    this.use('window');
  }

  /** use says what dragging with the first mouse button, or one finger, does. */
  use(tool: Tool): void {
    const group = ToolGroupManager.getToolGroup(this.id)!;
    for (const [key, name] of Object.entries(NAMES)) {
      if (key === 'length' && tool !== 'length') { group.setToolPassive(name, { removeAllBindings: true }); continue; }
      const bindings: { mouseButton?: number; numTouchPoints?: number }[] = [];
      if (key === tool) bindings.push({ mouseButton: MouseBindings.Primary });
      if (key === 'pan') bindings.push({ mouseButton: MouseBindings.Auxiliary });
      if (key === 'zoom') bindings.push({ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 });
      if (bindings.length > 0) group.setToolActive(name, { bindings });
      else group.setToolDisabled(name);
    }
  }

  async show(imageIds: string[], index: number): Promise<void> {
    this.stored = null;
    await this.viewport.setStack(imageIds, index);
    if (this.dead) return;
    this.viewport.resetCamera();
    this.viewport.render();
  }

  go(index: number): void {
    const last = this.viewport.getImageIds().length - 1;
    const to = Math.min(last, Math.max(0, index));
    if (to !== this.viewport.getCurrentImageIdIndex()) this.viewport.setImageIdIndex(to).catch(this.failed);
  }

  step(by: number): void {
    this.go(this.viewport.getCurrentImageIdIndex() + by);
  }

  setWindow(window: Window): void {
    this.viewport.setProperties({ voiRange: window });
    this.viewport.render();
  }

  invert(): void {
    this.viewport.setProperties({ invert: !this.viewport.getProperties().invert });
    this.viewport.render();
  }

  zoom(factor: number): void {
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  reset(): void {
    this.viewport.resetProperties();
    this.viewport.resetCamera();
    for (const a of annotation.state.getAllAnnotations()) if (a.annotationUID) annotation.state.removeAnnotation(a.annotationUID);
    this.viewport.render();
  }

  private readonly rendered = (): void => {
    const view = this.view();
    if (view) this.changed(view);
  };

  private readonly loadFailed = (e: Event): void => {
    const detail = (e as CustomEvent<{ imageId?: string; error?: unknown }>).detail;
    if (detail.imageId === undefined || this.viewport.getImageIds().includes(detail.imageId)) this.failed(detail.error);
  };

  private view(): View | null {
    const data = this.viewport.getImageData();
    const image = this.viewport.getCornerstoneImage();
    if (!data || !image) return null;
    const { columns, rows } = image;
    const properties = this.viewport.getProperties();
    const slope = image.slope || 1;
    const ends = [image.minPixelValue * slope + (image.intercept || 0), image.maxPixelValue * slope + (image.intercept || 0)];
    const range = { lower: Math.min(...ends), upper: Math.max(...ends) };
    const window = properties.voiRange ?? range;
    this.stored ??= { lower: window.lower, upper: window.upper };
    return {
      index: this.viewport.getCurrentImageIdIndex(),
      columns,
      rows,
      matrix: fromCorners(this.at(data, -0.5, -0.5), this.at(data, columns - 0.5, -0.5), this.at(data, -0.5, rows - 0.5), columns, rows),
      window: { lower: window.lower, upper: window.upper },
      stored: this.stored,
      range,
      invert: properties.invert ?? false,
    };
  }

  /** at gives the canvas position of a pixel position (whole numbers are pixel centres). */
  private at(data: { origin: Types.Point3; direction: Types.Mat3; spacing: Types.Point3 }, i: number, j: number): Point {
    const { origin: o, direction: d, spacing: s } = data;
    const world = [0, 1, 2].map((n) => o[n]! + d[n]! * i * s[0] + d[n + 3]! * j * s[1]) as Types.Point3;
    return this.viewport.worldToCanvas(world);
  }

  destroy(): void {
    this.dead = true;
    this.resize.disconnect();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.loadFailed);
    ToolGroupManager.destroyToolGroup(this.id);
    this.engine.disableElement(this.id);
  }
}

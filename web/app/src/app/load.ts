// What is opened from the worklist loads by itself; the viewer is the heavy part.
export const loadCase = () => import('../case/CasePage.tsx');

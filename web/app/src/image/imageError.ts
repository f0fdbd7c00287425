import { ApiError } from '../api/client.ts';

const REMEDY = 'Try again; the other objects of the study can still be read.';

/**
 * imageError gives what Cornerstone throws the three parts that the page shows:
 * the node's own words when the request was refused, else what the decoder said.
 */
export function imageError(e: unknown): ApiError {
  if (e instanceof ApiError) return e;
  const inner = typeof e === 'object' && e !== null ? (e as { error?: unknown; request?: unknown; message?: unknown }) : {};
  for (const candidate of [e, inner.request, inner.error]) {
    if (typeof XMLHttpRequest !== 'undefined' && candidate instanceof XMLHttpRequest) return refused(candidate);
    if (candidate instanceof ApiError) return candidate;
  }
  const message = [inner.message, e].find((t) => typeof t === 'string' && t !== '');
  return new ApiError(0, 'IMAGE', 'The image could not be shown.', `${REMEDY}${message === undefined ? '' : ` (${String(message)})`}`);
}

function refused(xhr: XMLHttpRequest): ApiError {
  if (xhr.status === 0) return new ApiError(0, 'UNREACHABLE', 'The node cannot be reached.', 'Check that it runs and that this computer is on its network, then try again.');
  try {
    const text = xhr.response instanceof ArrayBuffer ? new TextDecoder().decode(xhr.response) : String(xhr.response);
    const { error } = JSON.parse(text) as { error: { code: string; what: string; do: string } };
    return new ApiError(xhr.status, error.code, error.what, error.do);
  } catch {
    return new ApiError(xhr.status, `HTTP_${xhr.status}`, 'The image could not be fetched.', REMEDY);
  }
}

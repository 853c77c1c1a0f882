// Getting a document: no redirects, bounded in size and time.

/** What of `fetch` is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A document that could not be had, or may not be used. Codes: `status`, `too_large`, `timeout`, `unreachable`,
 * `address`, `metadata`, `wrong_issuer`, `keys`, `format`. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  constructor(
    /** Stable. */
    readonly code: string,
    detail: string,
    /** The HTTP status that came instead of 200. */
    readonly status?: number,
  ) {
    super(detail)
  }
}

/** Bounds of one document. */
export interface Bounds {
  readonly fetch: Fetch
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** Not in every runtime, and those that lack it throw: an answer out of a cache would be an old one. */
const NO_STORE: RequestInit = supports({ cache: 'no-store' })

function supports(init: RequestInit): RequestInit {
  try {
    new Request('https://localhost/', init)
    return init
  } catch {
    return {}
  }
}

const JSON_PLEASE: RequestInit = { headers: { accept: 'application/json' } }

/** Sends a request without following redirects: what comes back from elsewhere is not the one asked. */
export async function send(bounds: Bounds, url: string, init: RequestInit): Promise<Response> {
  const { fetch } = bounds
  try {
    return await fetch(url, { redirect: 'manual', ...NO_STORE, ...init })
  } catch (error) {
    throw failed(error, url, bounds)
  }
}

/** Gets one document; anything but a 200 is an error. */
export async function get(bounds: Bounds, url: string, init: RequestInit = JSON_PLEASE): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await send(bounds, url, { ...init, signal: AbortSignal.timeout(bounds.timeoutMs) })
  try {
    if (answer.status !== 200) {
      await answer.body?.cancel()
      throw new SourceError('status', `${url}: the answer was HTTP ${answer.status}, not 200`, answer.status)
    }
    return await body(answer, url, bounds.maxBytes)
  } catch (error) {
    throw failed(error, url, bounds)
  }
}

function failed(error: unknown, url: string, { timeoutMs }: Bounds): SourceError {
  if (error instanceof SourceError) return error
  const name = error instanceof Error ? error.name : ''
  if (name === 'TimeoutError') return new SourceError('timeout', `${url}: no complete answer within ${timeoutMs} ms`)
  return new SourceError('unreachable', `${url}: ${error instanceof Error ? error.message : 'no connection'}`)
}

/** The whole body, dropped as soon as it is too large. */
async function body(answer: Response, url: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = answer.body?.getReader()
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.length
    if (length > most) {
      await reader?.cancel()
      throw new SourceError('too_large', `${url}: the answer is larger than ${most} bytes`)
    }
    chunks.push(next.value)
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** An address that may be called: https, or plain HTTP on loopback where that is allowed; no user, no password. */
export function address(text: string, allowLoopback: boolean): URL {
  const refused = (reason: string): SourceError => new SourceError('address', `${text} may not be used: ${reason}`)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refused('it is not an absolute URL')
  }
  if (url.username !== '' || url.password !== '') throw refused('it holds a user name or password')
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw refused('it is neither https nor http')
  if (!allowLoopback) throw refused('it is not https')
  if (!isLoopback(url.hostname)) throw refused('plain HTTP is for loopback only')
  return url
}

/** Loopback addresses and the names of RFC 6761 6.3. */
function isLoopback(host: string): boolean {
  return host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host) || /^(.+\.)?localhost\.?$/.test(host)
}

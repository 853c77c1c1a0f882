// The credentials of a request: one bearer token in the `Authorization` header, nothing else.

import type { Reason } from './refusal.js'

/** A request: of the fetch standard, or of Node's `http` and what builds on it. */
export interface RequestLike {
  readonly headers: { get(name: string): string | null } | { readonly [name: string]: unknown }
  /** Absolute or only its path. */
  readonly url?: string | undefined
}

/** Of RFC 6750 2.1. */
const B64TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * The bearer token of a request (RFC 6750 2.1), or why there is none. Form bodies and the query are never read
 * (RFC 9700 4.3.2): a token in a URL ends up in logs, history and `Referer`.
 */
export function bearer(request: RequestLike): string | Reason {
  const values = authorization(request)
  const [value, second] = values
  if (value === undefined) return { kind: 'no_credentials' }
  if (second !== undefined) return bad('more than one Authorization header')
  if (!/^[\t -~]*$/.test(value)) return bad('the Authorization header is not ASCII')
  const space = value.indexOf(' ')
  const scheme = space < 0 ? value : value.slice(0, space)
  if (scheme.toLowerCase() !== 'bearer') return { kind: 'no_credentials' }
  if (namesToken(request.url ?? '')) return bad('more than one way of sending a token')
  const token = space < 0 ? '' : value.slice(space).replace(/^ +/, '')
  return B64TOKEN.test(token) ? token : bad('the bearer token is malformed')
}

/** The header's values. Node tells them apart in `headersDistinct`; elsewhere two are joined, and read as malformed. */
function authorization(request: RequestLike): string[] {
  const { headers } = request
  if (typeof headers.get === 'function') {
    const value: unknown = headers.get('authorization')
    return typeof value === 'string' ? [value] : []
  }
  const distinct = 'headersDistinct' in request ? (request.headersDistinct as { authorization?: unknown }) : undefined
  const value = distinct?.authorization ?? (headers as { authorization?: unknown }).authorization
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string')
}

function namesToken(url: string): boolean {
  const query = url.indexOf('?')
  return query >= 0 && new URLSearchParams(url.slice(query + 1).replace(/#.*$/, '')).has('access_token')
}

function bad(detail: string): Reason {
  return { kind: 'bad_request', detail }
}

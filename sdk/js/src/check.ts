// What a route asks for beyond a good token: scopes, roles, a recent or strong enough sign-in, and how fresh the
// knowledge of revocations must be.

import type { Identity } from './identity.js'
import type { Reason } from './refusal.js'

/** What happens while knowledge of revocations is older than the hard bound. */
export type OnStale =
  /** Nobody is let in: 503. A revoked token is then never accepted longer than the bound. */
  | 'closed'
  /** The issuer is asked about each token (RFC 7662); where that cannot be had, 503. */
  | 'introspect'
  /** Tokens issued less than so many seconds ago are let in; the others get 503. */
  | { readonly openForTokensYoungerThan: number }

/** How fresh the knowledge of revocations must be. */
export interface Freshness {
  /** Default: `closed`. */
  readonly onStale?: OnStale
  /** The hard bound, in seconds. Default: what the issuer recommends, usually 60. */
  readonly maxStaleness?: number
}

/** What a route asks for. */
export interface Requirement extends Freshness {
  /** Scopes, all of them. */
  readonly scopes?: readonly string[]
  /** Roles, all of them. */
  readonly roles?: readonly string[]
  /** Roles of which one is needed. An empty list lets nobody in. */
  readonly anyRole?: readonly string[]
  /** Ways to sign in of which one is due (`acr`, RFC 9470). */
  readonly acr?: readonly string[]
  /** The longest time since the person proved who they are, in seconds. A token without `auth_time` is refused. */
  readonly maxAge?: number
  /** A revoked token must not work a moment longer than can be helped: `closed`, with a bound of 5 s. */
  readonly critical?: boolean
}

/** Bound of a critical route, in seconds. */
const CRITICAL = 5

/** What holds for a route: what it says, else what the verifier says. */
export function freshness(route: Requirement, verifier: Freshness): Freshness {
  if (route.critical === true) return { onStale: 'closed', maxStaleness: CRITICAL }
  return { ...verifier, ...defined({ onStale: route.onStale, maxStaleness: route.maxStaleness }) }
}

function defined<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}

/** Scopes first, then roles, then how and when the person signed in. `now` in milliseconds; the allowance too. */
export function lacks(identity: Identity, due: Requirement, now: number, leewayMs: number): Reason | undefined {
  const { scopes = [], roles = [], anyRole } = due
  const missing = scopes.filter((scope) => !identity.hasScope(scope))
  if (missing.length > 0) return { kind: 'scope', required: scopes, missing }
  const absent = roles.filter((role) => !identity.hasRole(role))
  if (absent.length > 0) return { kind: 'role', allOf: absent, anyOf: [] }
  if (anyRole !== undefined && !anyRole.some((role) => identity.hasRole(role))) {
    return { kind: 'role', allOf: [], anyOf: anyRole }
  }
  return signedInWell(identity, due, now - leewayMs) ? undefined : { kind: 'authentication', acr: due.acr ?? [], maxAge: due.maxAge }
}

function signedInWell({ claims }: Identity, { acr = [], maxAge }: Requirement, now: number): boolean {
  const strong = acr.length === 0 || (claims.acr !== undefined && acr.includes(claims.acr))
  const recent = maxAge === undefined || (claims.auth_time !== undefined && now <= (Math.floor(claims.auth_time) + maxAge) * 1000)
  return strong && recent
}

// Why a request was not let in, and how that is told: status, `WWW-Authenticate` (RFC 6750 3), body.
// Word for word what the Rust crate `countersign-verifier` answers.

import { VerifyError } from './error.js'
import type { Kind } from './feed/rule.js'
import { KeysUnavailable } from './source.js'

/** Why. */
export type Reason =
  /** No bearer token in the `Authorization` header. 401, and no error code (RFC 6750 3.1). */
  | { readonly kind: 'no_credentials' }
  /** Credentials that cannot be read, or sent twice. 400 `invalid_request`. */
  | { readonly kind: 'bad_request'; readonly detail: string }
  /** The token is no good. 401 `invalid_token`. */
  | { readonly kind: 'invalid_token'; readonly error: VerifyError }
  /** The token was good and is revoked: by what rule, or because the issuer said so. 401 `invalid_token`. */
  | { readonly kind: 'revoked'; readonly by: Kind | 'introspection' }
  /** The person must prove again, or better, who they are. 401 (RFC 9470 3). */
  | { readonly kind: 'authentication'; readonly acr: readonly string[]; readonly maxAge: number | undefined }
  /** Scopes are missing. 403 `insufficient_scope`. */
  | { readonly kind: 'scope'; readonly required: readonly string[]; readonly missing: readonly string[] }
  /** Roles are missing. 403. */
  | { readonly kind: 'role'; readonly allOf: readonly string[]; readonly anyOf: readonly string[] }
  /** What is known of revocations is too old. 503, never 401: the token may be fine. */
  | { readonly kind: 'stale'; readonly retryAfterMs: number; readonly ageMs: number }
  /** No keys to judge by. 503. */
  | { readonly kind: 'keys_unavailable'; readonly error: KeysUnavailable }

/** A request that was not let in. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: Reason
  /** The realm named in the challenge. */
  readonly realm: string

  constructor(reason: Reason, realm: string) {
    super(text(reason), 'error' in reason ? { cause: reason.error } : undefined)
    this.reason = reason
    this.realm = realm
  }

  /** The HTTP status. */
  get status(): 400 | 401 | 403 | 503 {
    switch (this.reason.kind) {
      case 'bad_request':
        return 400
      case 'scope':
      case 'role':
        return 403
      case 'stale':
      case 'keys_unavailable':
        return 503
      default:
        return 401
    }
  }

  /**
   * What exactly: the code of the {@link VerifyError} (`expired`, `wrong_audience`, ...), `revoked`, `stale`, or the
   * kind of the reason.
   */
  get code(): string {
    return this.reason.kind === 'invalid_token' ? this.reason.error.code : this.reason.kind
  }

  /** The error code of RFC 6750 3.1; none where no credentials came or the fault is not the client's. */
  get error(): string | undefined {
    switch (this.reason.kind) {
      case 'bad_request':
        return 'invalid_request'
      case 'invalid_token':
      case 'revoked':
        return 'invalid_token'
      case 'authentication':
        return 'insufficient_user_authentication'
      case 'scope':
      case 'role':
        return 'insufficient_scope'
      default:
        return undefined
    }
  }

  /** The `WWW-Authenticate` value; none for 503. */
  get challenge(): string | undefined {
    if (this.status === 503) return undefined
    const { reason, error } = this
    const parameters: [string, string][] = [['realm', this.realm]]
    if (error !== undefined) parameters.push(['error', error], ['error_description', described(this.message)])
    if (reason.kind === 'scope') parameters.push(['scope', reason.required.join(' ')])
    if (reason.kind === 'authentication') {
      if (reason.acr.length > 0) parameters.push(['acr_values', reason.acr.join(' ')])
      if (reason.maxAge !== undefined) parameters.push(['max_age', String(reason.maxAge)])
    }
    return `Bearer ${parameters.map(([name, value]) => `${name}="${quoted(value)}"`).join(', ')}`
  }

  /** The headers of the answer. */
  get headers(): Record<string, string> {
    const { reason, challenge } = this
    const wait = reason.kind === 'stale' ? reason.retryAfterMs : reason.kind === 'keys_unavailable' ? reason.error.retryAfterMs : undefined
    return {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
      // Whole seconds, rounded up: a client that comes back at once would find the same.
      ...(wait === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) }),
    }
  }

  /** The body of the answer, for people and scripts. */
  get body(): string {
    return JSON.stringify({ error: this.#bodyError(), error_description: this.#bodyText(), ...this.#more() })
  }

  /** The whole answer. */
  response(): Response {
    return new Response(this.body, { status: this.status, headers: this.headers })
  }

  #bodyError(): string | undefined {
    if (this.reason.kind === 'no_credentials') return 'unauthorized'
    return this.status === 503 ? 'temporarily_unavailable' : this.error
  }

  #bodyText(): string {
    if (this.reason.kind === 'no_credentials') return 'send an access token in the Authorization header: Bearer TOKEN'
    return this.reason.kind === 'keys_unavailable' ? 'tokens cannot be verified at the moment' : this.message
  }

  #more(): Record<string, unknown> {
    const { reason } = this
    switch (reason.kind) {
      case 'scope':
        return { scope: reason.required.join(' '), missing_scopes: reason.missing }
      case 'role':
        return reason.allOf.length > 0 ? { missing_roles: reason.allOf } : { any_of_roles: reason.anyOf }
      case 'invalid_token':
        return { reason: reason.error.code, claim: reason.error.claim ?? null }
      case 'revoked':
      case 'stale':
        return { reason: reason.kind }
      case 'authentication':
        return { acr_values: reason.acr.join(' '), max_age: reason.maxAge ?? null }
      default:
        return {}
    }
  }
}

function text(reason: Reason): string {
  switch (reason.kind) {
    case 'no_credentials':
      return 'no access token'
    case 'bad_request':
      return reason.detail
    case 'invalid_token':
    case 'keys_unavailable':
      return reason.error.message
    case 'revoked':
      return 'the token was revoked'
    case 'authentication':
      return authenticationText(reason.acr, reason.maxAge)
    case 'scope':
      return `scope missing: ${reason.missing.join(' ')}`
    case 'role':
      return reason.allOf.length > 0
        ? `role missing: ${reason.allOf.join(', ')}`
        : `one of the roles is needed: ${reason.anyOf.join(', ')}`
    case 'stale':
      return 'revocations cannot be checked at the moment'
  }
}

function authenticationText(acr: readonly string[], maxAge: number | undefined): string {
  const classes = acr.join(' or ')
  if (maxAge === undefined) return classes === '' ? 'another sign-in is needed' : `a stronger sign-in is needed: ${classes}`
  const recent = `a sign-in of the last ${maxAge} s is needed`
  return classes === '' ? recent : `${recent}: ${classes}`
}

/** The inside of an RFC 9110 `quoted-string`: no text can end the value or the header. */
function quoted(value: string): string {
  return [...value].map((c) => (c === '"' || c === '\\' ? `\\${c}` : c >= ' ' && c <= '~' ? c : '?')).join('')
}

/** `error_description` allows neither `"` nor `\`, not even escaped (RFC 6750 3). */
function described(value: string): string {
  return value.replaceAll('"', "'").replaceAll('\\', '/')
}

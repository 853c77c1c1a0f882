// Who a verified token speaks for.

import type { AccessToken } from './judge.js'

/** The bearer of a token that passed every check. */
export class Identity {
  /** All claims; frozen. */
  readonly claims: AccessToken
  /** The key that signed the token. */
  readonly kid: string | undefined

  /** @internal Built by a verifier only. */
  constructor(claims: AccessToken, kid: string | undefined) {
    this.claims = claims
    this.kid = kid
  }

  /** `sub`: a user, or the client itself where no user is involved. */
  get subject(): string {
    return this.claims.sub
  }

  /** The client the token was issued to. */
  get clientId(): string {
    return this.claims.client_id
  }

  /** A client that acts for itself (RFC 9068 2.2: `sub` is then the client id). */
  get isMachine(): boolean {
    return this.claims.sub === this.claims.client_id
  }

  /** Scopes granted. */
  get scopes(): string[] {
    return (this.claims.scope ?? '').split(' ').filter((scope) => scope !== '')
  }

  /** Whether a scope was granted. Exact and case-sensitive (RFC 6749 3.3). */
  hasScope(scope: string): boolean {
    return this.scopes.includes(scope)
  }

  /** Whether the subject holds a role. */
  hasRole(role: string): boolean {
    return this.claims.roles?.includes(role) === true
  }
}

// Why a token or a key was refused. Never holds the token, a secret, or text of either that could leave a header.

/**
 * A token was refused.
 *
 * Codes: `too_large`, `malformed` (encoding, JSON, or a claim of the wrong type), `forbidden_header`,
 * `wrong_algorithm`, `unknown_key`, `ambiguous_key`, `bad_signature`, `wrong_type`, `missing_claim`,
 * `wrong_issuer`, `wrong_audience`, `expired`, `not_yet_valid`, `revoked`.
 */
export class VerifyError extends Error {
  override readonly name = 'VerifyError'
  constructor(
    /** Stable. */
    readonly code: string,
    /** The claim or header parameter judged, if one. */
    readonly claim: string | undefined,
    /** For people: what was expected and what came. */
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

/**
 * A key or a key set was refused.
 *
 * Codes: `malformed`, `unsupported`, `weak_key`, `bad_key`, `wrong_use`, `wrong_algorithm`, `private_key`,
 * `symmetric_key`, `duplicate_kid`, `too_large`.
 */
export class KeyError extends Error {
  override readonly name = 'KeyError'
  constructor(
    /** Stable. */
    readonly code: string,
    /** For people; never key material. */
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

/** What may be echoed of a text that an attacker wrote: at most `max` characters, printable ASCII. */
export function shown(text: string, max: number): string {
  const chars = [...text.slice(0, 2 * max + 2)]
  const cut = chars.slice(0, max).map((c) => (c >= ' ' && c <= '~' ? c : '?')).join('')
  return chars.length > max ? `${cut}...` : cut
}

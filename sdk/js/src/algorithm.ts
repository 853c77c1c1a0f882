// One row per algorithm; nothing below lists them again.

/** A JWS algorithm (RFC 7518 3.1, RFC 9864). `Ed25519` is also read under its older name, `EdDSA`. */
export type Algorithm =
  | 'Ed25519'
  | 'ES256' | 'ES384' | 'ES512'
  | 'PS256' | 'PS384' | 'PS512'
  | 'RS256' | 'RS384' | 'RS512'
  | 'HS256' | 'HS384' | 'HS512'

type Hash = 'SHA-256' | 'SHA-384' | 'SHA-512'
type Params = { readonly name: string; readonly hash?: Hash; readonly saltLength?: number }

/** What an algorithm takes, and how WebCrypto calls it. */
export interface Row {
  readonly name: Algorithm
  readonly older?: string
  readonly kty: 'OKP' | 'EC' | 'RSA' | 'oct'
  readonly crv?: 'Ed25519' | 'P-256' | 'P-384' | 'P-521'
  /** EC, OKP: of a coordinate (RFC 7518 6.2.1.2). `oct`: the least of a secret (RFC 7518 3.2). */
  readonly bytes: number
  readonly importing: { readonly name: string; readonly namedCurve?: string; readonly hash?: Hash }
  readonly verifying: Params
}

const ec = (name: Algorithm, crv: 'P-256' | 'P-384' | 'P-521', bytes: number, hash: Hash): Row => ({
  name, kty: 'EC', crv, bytes, importing: { name: 'ECDSA', namedCurve: crv }, verifying: { name: 'ECDSA', hash },
})
const rs = (name: Algorithm, hash: Hash): Row => ({
  name, kty: 'RSA', bytes: 0, importing: { name: 'RSASSA-PKCS1-v1_5', hash }, verifying: { name: 'RSASSA-PKCS1-v1_5' },
})
// The salt is as long as the hash (RFC 7518 3.5).
const ps = (name: Algorithm, hash: Hash, saltLength: number): Row => ({
  name, kty: 'RSA', bytes: 0, importing: { name: 'RSA-PSS', hash }, verifying: { name: 'RSA-PSS', saltLength },
})
const hs = (name: Algorithm, hash: Hash, bytes: number): Row => ({
  name, kty: 'oct', bytes, importing: { name: 'HMAC', hash }, verifying: { name: 'HMAC' },
})

const ROWS: readonly Row[] = [
  {
    name: 'Ed25519', older: 'EdDSA', kty: 'OKP', crv: 'Ed25519', bytes: 32,
    importing: { name: 'Ed25519' }, verifying: { name: 'Ed25519' },
  },
  ec('ES256', 'P-256', 32, 'SHA-256'),
  ec('ES384', 'P-384', 48, 'SHA-384'),
  ec('ES512', 'P-521', 66, 'SHA-512'),
  ps('PS256', 'SHA-256', 32),
  ps('PS384', 'SHA-384', 48),
  ps('PS512', 'SHA-512', 64),
  rs('RS256', 'SHA-256'),
  rs('RS384', 'SHA-384'),
  rs('RS512', 'SHA-512'),
  hs('HS256', 'SHA-256', 32),
  hs('HS384', 'SHA-384', 48),
  hs('HS512', 'SHA-512', 64),
]

/** The row of a registered name or of an older one; nothing for anything else, `none` included. */
export function row(name: string): Row | undefined {
  return ROWS.find((row) => isNamed(row, name))
}

/** Whether a header may call this algorithm so. */
export function isNamed(row: Row, name: string): boolean {
  return row.name === name || row.older === name
}

/** The rows that fit a type and curve. */
export function fitting(kty: string, crv: string | undefined): Row[] {
  return ROWS.filter((row) => fits(row, kty, crv))
}

/** Whether a key of that type and curve can have this algorithm. */
export function fits(row: Row, kty: string, crv: string | undefined): boolean {
  return row.kty === kty && (row.crv === undefined || row.crv === crv)
}

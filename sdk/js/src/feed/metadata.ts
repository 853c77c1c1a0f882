// `/.well-known/revocation-feed`: where a feed is and which keys sign it.

import { encode } from '../base64url.js'
import { addressIn, speaksFor } from '../discovery.js'
import type { Bounds } from '../fetch.js'
import { address, get, SourceError } from '../fetch.js'
import type { Json } from '../json.js'
import { isObject, member } from '../json.js'
import { sha256 } from '../sha256.js'

const PATH = '/.well-known/revocation-feed'
const ENDPOINTS = ['head_endpoint', 'log_endpoint', 'snapshot_endpoint', 'stream_endpoint'] as const

/** What a feed's metadata says. */
export interface Metadata {
  /** Feed keys whose id is their thumbprint; others are left out, or a known id could stand for another key. */
  readonly keys: readonly Json[]
  readonly endpoints: Readonly<Record<(typeof ENDPOINTS)[number], string>>
  /** The document itself, to be kept. */
  readonly document: Uint8Array<ArrayBuffer>
}

/** Where an issuer's feed metadata stands. */
export function metadataUrl(issuer: string): string {
  return `${issuer.replace(/\/+$/, '')}${PATH}`
}

/** Fetches the metadata from the issuer itself. */
export async function fetchMetadata(bounds: Bounds, issuer: string, loopback: boolean, relay?: string): Promise<Metadata> {
  const at = metadataUrl(issuer)
  return readMetadata(await get(bounds, address(at, loopback).href), issuer, loopback, relay)
}

/** Reads the document. With a relay, its endpoints are those of the relay, under the paths of the issuer. */
export async function readMetadata(
  document: Uint8Array<ArrayBuffer>, issuer: string, loopback: boolean, relay?: string,
): Promise<Metadata> {
  const metadata = speaksFor(issuer, document, metadataUrl(issuer))
  const keys = member(metadata, 'keys')
  if (!Array.isArray(keys)) throw new SourceError('metadata', 'the feed metadata has no keys')
  const named = await Promise.all(keys.map(async (key: Json) => ((await isNamedByThumbprint(key)) ? [key] : [])))
  const endpoint = (name: string): string => {
    const url = addressIn(metadata, name, loopback)
    return relay === undefined ? url : relayed(url, issuer, relay, loopback)
  }
  const endpoints = Object.fromEntries(ENDPOINTS.map((name) => [name, endpoint(name)])) as Metadata['endpoints']
  return { keys: named.flat(), endpoints, document }
}

function relayed(url: string, issuer: string, relay: string, loopback: boolean): string {
  const base = issuer.replace(/\/+$/, '')
  const path = url.startsWith(`${base}/`) ? url.slice(base.length) : new URL(url).pathname
  return address(relay.replace(/\/+$/, '') + path, loopback).href
}

/** RFC 7638, RFC 8037 2, for Ed25519 keys: the only ones that sign feeds. */
async function isNamedByThumbprint(key: Json): Promise<boolean> {
  if (!isObject(key) || member(key, 'kty') !== 'OKP') return false
  const [crv, x] = [member(key, 'crv'), member(key, 'x')]
  if (typeof crv !== 'string' || typeof x !== 'string') return false
  const text = JSON.stringify({ crv, kty: 'OKP', x })
  return member(key, 'kid') === encode(await sha256(new TextEncoder().encode(text)))
}

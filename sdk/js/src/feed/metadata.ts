// `/.well-known/revocation-feed`: where a feed is and which keys sign it.

import { addressIn, speaksFor } from '../discovery.js'
import type { Bounds } from '../fetch.js'
import { address, get, SourceError } from '../fetch.js'
import type { Json } from '../json.js'
import { member } from '../json.js'

const PATH = '/.well-known/revocation-feed'
const ENDPOINTS = ['head_endpoint', 'log_endpoint', 'snapshot_endpoint', 'stream_endpoint'] as const

/** What a feed's metadata says. */
export interface Metadata {
  /** Feed keys. */
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
export function readMetadata(document: Uint8Array<ArrayBuffer>, issuer: string, loopback: boolean, relay?: string): Metadata {
  const metadata = speaksFor(issuer, document, metadataUrl(issuer))
  const keys = member(metadata, 'keys')
  if (!Array.isArray(keys)) throw new SourceError('metadata', 'the feed metadata has no keys')
  const endpoint = (name: string): string => {
    const url = addressIn(metadata, name, loopback)
    return relay === undefined ? url : relayed(url, issuer, relay, loopback)
  }
  const endpoints = Object.fromEntries(ENDPOINTS.map((name) => [name, endpoint(name)])) as Metadata['endpoints']
  return { keys: keys as readonly Json[], endpoints, document }
}

function relayed(url: string, issuer: string, relay: string, loopback: boolean): string {
  const base = issuer.replace(/\/+$/, '')
  const path = url.startsWith(`${base}/`) ? url.slice(base.length) : new URL(url).pathname
  return address(relay.replace(/\/+$/, '') + path, loopback).href
}

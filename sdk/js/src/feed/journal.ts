// What outlives a restart: the bytes that were given (metadata, heads, pages, snapshots), in order.
//
// Read back, they go through a follower again, so a journal is believed exactly as far as its signed heads prove
// it: a truncated end is a shorter log, an altered byte breaks a signature, a chain or a digest. The metadata in
// it is believed only for keys that the application pinned.

import { utf8 } from '../json.js'
import { FormatError, Reader } from './bytes.js'
import type { Follower, Moment } from './follower.js'
import { Refused } from './follower.js'
import { readPage } from './page.js'

/** Where state is kept. */
export interface Store {
  /** What was put under that name last; nothing if there is none. */
  get(name: string): Promise<Uint8Array | null | undefined>
  /** Replaces it. */
  put(name: string, state: Uint8Array): Promise<void>
}

/** Kinds of entries, as in the Rust crate, and the metadata before them. */
export const ENTRY = { metadata: 0, head: 1, page: 2, snapshot: 3 } as const
/** One entry. */
export interface Entry {
  readonly kind: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Writes entries: length (4), kind (1), bytes. */
export function writeJournal(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(entries.reduce((sum, { bytes }) => sum + 5 + bytes.length, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const { kind, bytes } of entries) {
    view.setUint32(at, bytes.length)
    view.setUint8(at + 4, kind)
    out.set(bytes, at + 5)
    at += 5 + bytes.length
  }
  return out
}

/** Reads entries, as far as they are whole. */
export function readJournal(bytes: Uint8Array<ArrayBuffer>): Entry[] {
  const from = new Reader(bytes)
  const entries: Entry[] = []
  try {
    while (from.left > 0) {
      const length = from.u32()
      const kind = from.u8()
      entries.push({ kind, bytes: from.run(length) })
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return entries
}

/** Replays entries into a follower. Answers those that were proven. */
export async function replay(follower: Follower, entries: readonly Entry[], at: Moment): Promise<Entry[]> {
  let good = 0
  for (const [place, { kind, bytes }] of entries.entries()) {
    const before = follower.mark
    try {
      if (kind === ENTRY.head) await follower.head(utf8(bytes), { ...at, kept: true })
      if (kind === ENTRY.page) await follower.page(readPage(bytes), { ...at, kept: true })
      if (kind === ENTRY.snapshot) await follower.snapshot(bytes)
    } catch (error) {
      // A later entry may make up for it.
      if (!(error instanceof Refused && (error.code === 'unproven' || error.code === 'old'))) break
    } finally {
      if (follower.mark !== before) good = place + 1
    }
  }
  follower.forget()
  return entries.slice(0, good)
}

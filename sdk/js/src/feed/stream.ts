// Holds the feed's stream open: for processes that live on between requests.

import type { Bounds } from '../fetch.js'
import { send, SourceError } from '../fetch.js'
import { EventReader } from './events.js'
import type { Sync } from './sync.js'

/** Silence after which a connection counts as dead, in milliseconds. Heads come twice a second. */
const SILENCE = 4000
/** Between two attempts: from, to, in milliseconds. */
const PAUSE = { least: 100, most: 5000 }

/** What the stream tells. */
export interface StreamWatch {
  /** The keys of the issuer changed. */
  keysChanged(): void
  /** Something was taken, or nothing could be. */
  progress(trouble: Error | undefined): void
}

/** Follows until told to stop. */
export async function follow(sync: Sync, bounds: Bounds, watch: StreamWatch, stop: AbortSignal): Promise<void> {
  let pause = PAUSE.least
  while (!stop.aborted) {
    try {
      // What the stream would send first anyway; and where something on the way holds streams back, all there is.
      await sync.poll()
      watch.progress(undefined)
      pause = PAUSE.least
      await listen(sync, bounds, watch, stop)
    } catch (error) {
      watch.progress(error instanceof Error ? error : new Error('the feed cannot be followed'))
    }
    if (stop.aborted) return
    // Not all at once after the issuer was down.
    await sleep(pause * (0.5 + Math.random() / 2), stop)
    pause = Math.min(2 * pause, PAUSE.most)
  }
}

/** One connection, to its end. */
async function listen(sync: Sync, bounds: Bounds, watch: StreamWatch, stop: AbortSignal): Promise<void> {
  const ending = new AbortController()
  const end = (): void => ending.abort()
  stop.addEventListener('abort', end)
  let silence = setTimeout(end, SILENCE)
  try {
    const { url, direct } = await sync.stream()
    const answer = await send(bounds, url, { headers: { accept: 'text/event-stream' }, signal: ending.signal })
    if (answer.status !== 200 || answer.body === null) {
      await answer.body?.cancel()
      throw new SourceError('status', `${url}: the answer was HTTP ${answer.status}, not 200`, answer.status)
    }
    const reader = answer.body.getReader()
    const text = new TextDecoder()
    const events = new EventReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new SourceError('unreachable', `${url}: the stream ended`)
      clearTimeout(silence)
      silence = setTimeout(end, SILENCE)
      for (const event of events.push(text.decode(value, { stream: true }))) {
        if (await sync.take(event, direct)) watch.keysChanged()
        watch.progress(undefined)
      }
    }
  } finally {
    clearTimeout(silence)
    stop.removeEventListener('abort', end)
    end()
  }
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const over = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', over)
      done()
    }
    const timer = setTimeout(over, ms)
    stop.addEventListener('abort', over)
  })
}

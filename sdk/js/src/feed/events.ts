// Server-sent events of the feed's stream, read as they come.
//
// `rules`: a page without head, base64url. `head`: a compact JWS. `hint`: a page of rules not yet numbered.
// `jwks`: the keys changed. Comments and unknown events are skipped.

import { FormatError } from './bytes.js'

/** Most characters of one event. */
export const MOST_EVENT = 2 * 1024 * 1024

/** One event. */
export interface FeedEvent {
  readonly type: 'rules' | 'head' | 'hint' | 'jwks'
  readonly data: string
}

const TYPES: readonly string[] = ['rules', 'head', 'hint', 'jwks']

/** Takes text as it comes, gives events as they end. */
export class EventReader {
  #rest = ''
  #afterReturn = false
  #type = ''
  #data: string[] = []
  #length = 0

  /** Takes a chunk; an error ends the connection. */
  push(chunk: string): FeedEvent[] {
    const events: FeedEvent[] = []
    // A line ends with LF, CR, or both (HTML 9.2.5); both may come in two chunks.
    const text = this.#afterReturn && chunk.startsWith('\n') ? chunk.slice(1) : chunk
    if (chunk !== '') this.#afterReturn = chunk.endsWith('\r')
    const lines = text.split(/\r\n|\n|\r/)
    lines[0] = this.#rest + (lines[0] ?? '')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line, events)
    if (this.#length + this.#rest.length > MOST_EVENT) throw tooLarge()
    return events
  }

  #line(line: string, events: FeedEvent[]): void {
    if (line === '') {
      if (TYPES.includes(this.#type) && this.#data.length > 0) events.push({ type: this.#type as FeedEvent['type'], data: this.#data.join('\n') })
      this.#type = ''
      this.#data = []
      this.#length = 0
      return
    }
    this.#length += line.length
    if (this.#length > MOST_EVENT) throw tooLarge()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#type = value
    if (field === 'data') this.#data.push(value)
  }
}

function tooLarge(): FormatError {
  return new FormatError('too_large', `an event of over ${MOST_EVENT} characters`)
}

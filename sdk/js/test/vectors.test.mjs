// The same verdicts as the Rust crates: tokens, the feed's bytes, and what a follower believes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { EventReader } from '../build/feed/events.js'
import { KINDS } from '../build/feed/rule.js'
import * as judges from './judges.mjs'
import { bytes, failure, vectors } from './vectors.mjs'

describe('tokens', async () => {
  for (const { name, came, due, token, message } of await judges.tokens(await vectors('tokens'))) {
    it(name, () => {
      assert.deepEqual(came, due, message)
      if (message === undefined) return
      const signature = token.split('.').at(-1)
      assert.ok(message.length <= 300, 'says too much')
      assert.ok(signature.length <= 20 || !message.includes(signature), 'says the token')
      assert.match(message, /^[ -~]*$/, 'text that cannot stand in a header')
    })
  }
})

describe('the feed', async () => {
  const document = await vectors('feed')
  for (const { name, came, due } of await judges.feed(document)) it(name, () => assert.deepEqual(came, due))

  it('names are those of the definition', () => {
    for (const { salt, kind, issuer, id, h } of document.names) {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(Buffer.byteLength(issuer))
      const defined = createHash('sha256').update(bytes(salt)).update(Buffer.of(KINDS.indexOf(kind) + 1)).update(length).update(issuer).update(id)
      assert.equal(defined.digest('hex').slice(0, 16), h)
    }
  })

  it('events that do not end are bounded', async () => {
    const chunk = 'x'.repeat(1024 * 1024)
    for (const piece of [chunk, `data: ${chunk}\n`]) {
      const reader = new EventReader()
      assert.equal((await failure(() => [0, 1, 2].forEach(() => reader.push(piece))))?.code, 'too_large')
    }
  })
})

describe('followers', async () => {
  for (const { name, came, due } of await judges.followers(await vectors('follower'))) it(name, () => assert.deepEqual(came, due))
})

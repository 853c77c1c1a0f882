// The feed's wire format: the same bytes mean the same as in the Rust crate, or are refused for the same reason.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { genesis, over } from '../build/feed/chain.js'
import { EventReader } from '../build/feed/events.js'
import { Pins } from '../build/feed/head.js'
import { readPage } from '../build/feed/page.js'
import { KINDS, nameOf } from '../build/feed/rule.js'
import { readSnapshot } from '../build/feed/snapshot.js'
import { bytes, failure, hex, shown, text, vectors } from './vectors.mjs'

const document = await vectors('feed')

describe('names', () => {
  it('are those of the Rust crate, and of the definition', async () => {
    for (const { salt, kind, issuer, id, h } of document.names) {
      assert.equal(hex(await nameOf(bytes(salt), kind, issuer, id)), h, `${kind} ${issuer} ${id}`)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(Buffer.byteLength(issuer))
      const defined = createHash('sha256').update(bytes(salt)).update(Buffer.of(KINDS.indexOf(kind) + 1)).update(length).update(issuer).update(id)
      assert.equal(defined.digest('hex').slice(0, 16), h)
    }
  })
})

describe('chains', () => {
  for (const { feed, epoch, rules, links } of document.chains) {
    it(`epoch ${epoch}`, async () => {
      const all = bytes(rules)
      const first = await genesis(bytes(feed), epoch)
      for (const [count, link] of links.entries()) {
        assert.equal(text(await over(first, all.subarray(0, 17 * count))), link)
      }
    })
  }
})

describe('pages', () => {
  for (const vector of document.pages) {
    it(`${vector.code ?? 'good'}: ${vector.name}`, async () => {
      const error = await failure(() => readPage(bytes(vector.bytes)))
      assert.equal(error?.code, vector.code, error?.message)
      if (error) return
      const page = readPage(bytes(vector.bytes))
      assert.deepEqual(
        [page.epoch, page.after, text(page.chain), page.rules.map(shown), page.head ?? null],
        [vector.epoch, vector.after, vector.chain, vector.rules, vector.head],
      )
    })
  }
})

describe('snapshots', () => {
  const most = 16 * 1024 * 1024
  for (const vector of document.snapshots) {
    it(`${vector.code ?? 'good'}: ${vector.name}`, async () => {
      const error = await failure(() => readSnapshot(bytes(vector.bytes), most))
      assert.equal(error?.code, vector.code, error?.message)
      if (error) return
      const { feed, epoch, seq, chain, rules } = readSnapshot(bytes(vector.bytes), most)
      assert.deepEqual(
        [text(feed), epoch, seq, text(chain), rules.map(shown)],
        [vector.feed, vector.epoch, vector.seq, vector.chain, vector.rules],
      )
    })
  }
})

describe('heads', () => {
  for (const { issuer, pins, cases } of document.heads) {
    for (const { name, head, now, kept, code, says } of cases) {
      it(`${code ?? 'good'}: ${name}`, async () => {
        const keys = await Pins.of(issuer, pins)
        const error = await failure(keys.read(head, now, kept))
        assert.equal(error?.code ?? null, code, error?.message)
        if (error) return
        const read = await keys.read(head, now, kept)
        assert.deepEqual({
          epoch: read.epoch, seq: read.seq, as_of: read.asOf, hb_ms: read.heartbeatMs, soft: read.policy.soft,
          hard: read.policy.hard, snap: read.snap?.seq ?? null, next_key: read.nextKey ?? null, chain: text(read.chain),
          salt: text(read.salt),
        }, says)
      })
    }
  }
})

describe('events', () => {
  for (const { name, pieces, events } of document.events) {
    it(name, () => {
      const reader = new EventReader()
      const came = pieces.flatMap((piece) => reader.push(piece))
      assert.deepEqual(came.map(({ type, data }) => [type, data]), events)
    })
  }

  it('bounds what waits', async () => {
    const reader = new EventReader()
    const chunk = 'x'.repeat(1024 * 1024)
    const error = await failure(() => [0, 1, 2].forEach(() => reader.push(chunk)))
    assert.equal(error?.code, 'too_large')
    const lines = new EventReader()
    const second = await failure(() => [0, 1, 2].forEach(() => lines.push(`data: ${chunk}\n`)))
    assert.equal(second?.code, 'too_large')
  })
})

// Scripts of what a follower is given: after every step it believes what the Rust crate believes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Follower } from '../build/feed/follower.js'
import { Pins } from '../build/feed/head.js'
import { readJournal, replay } from '../build/feed/journal.js'
import { readPage } from '../build/feed/page.js'
import { namesOf } from '../build/feed/rule.js'
import { bytes, failure, vectors } from './vectors.mjs'

const document = await vectors('follower')

async function give(follower, issuer, input, at) {
  if (input.head) return follower.head(input.head, at)
  if (input.page) return follower.page(readPage(bytes(input.page)), at)
  if (input.snapshot !== undefined) return follower.snapshot(bytes(input.snapshot))
  if (input.hint) return follower.hint(readPage(bytes(input.hint)))
  if (input.gone) return follower.gone()
  if (input.expire) return follower.expire(at.wall)
  if (input.pin) return follower.pin(await Pins.of(issuer, input.pin.filter((key) => follower.mayPin(key.kid))))
  if (input.journal) {
    const good = await replay(follower, readJournal(bytes(input.journal)), at)
    return assert.equal(good.length, input.good)
  }
  throw new Error(`no such input: ${Object.keys(input)}`)
}

const need = (need) => ({
  nothing: 'nothing', head: 'head', log: `log ${need.epoch}.${need.after}`, snapshot: `snapshot ${need.snap?.seq}`,
})[need.kind]

const refusal = (error) => (error === undefined ? '' : error.inner ? `${error.code} ${error.inner}` : error.code)

describe('followers', () => {
  for (const { name, issuer, pins, steps } of document.scripts) {
    it(name, async () => {
      const follower = new Follower(await Pins.of(issuer, pins), 1 << 20)
      for (const [place, { wall, elapsed, input, ...due }] of steps.entries()) {
        const error = await failure(() => give(follower, issuer, input, { wall, elapsed }))
        if (error && error.name !== 'Refused') throw error
        const { view } = follower
        const covered = []
        for (const { iat, client_id: clientId, ...token } of document.probes) {
          covered.push((await view.covers(iat, (salt) => namesOf(salt, { clientId, ...token }))) ?? null)
        }
        const age = view.age(elapsed)
        assert.deepEqual({
          refused: refusal(error), need: need(follower.need()), age: Number.isFinite(age) ? age : null, rules: view.size,
          forked: follower.forked, covered,
        }, due, `step ${place}: ${Object.keys(input)} ${error?.message}`)
      }
    })
  }
})

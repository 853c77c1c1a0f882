// What must not compile. Checked by `tsc`, never run.
import { Verifier } from '../src/index.js'

const good = { issuer: 'https://id.example', audience: 'api', type: 'at+jwt', algorithms: ['ES256'] } as const
new Verifier(good)

const { issuer, audience, type, algorithms } = good
// @ts-expect-error no issuer
new Verifier({ audience, type, algorithms })
// @ts-expect-error no audience
new Verifier({ issuer, type, algorithms })
// @ts-expect-error no type
new Verifier({ issuer, audience, algorithms })
// @ts-expect-error no algorithms
new Verifier({ issuer, audience, type })
// @ts-expect-error no such algorithm
new Verifier({ ...good, algorithms: ['none'] })
// @ts-expect-error post-quantum signatures are not in WebCrypto
new Verifier({ ...good, algorithms: ['ML-DSA-44'] })
// @ts-expect-error a secret is bytes: a text would be weaker than it looks
new Verifier({ ...good, secret: { algorithm: 'HS256', value: 'secret' } })
// @ts-expect-error staleness is decided by name
new Verifier({ ...good, revocation: { onStale: 'ignore' } })

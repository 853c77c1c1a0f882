// Passkeys. A form with `data-passkey` asks for a challenge, lets the browser answer it (WebAuthn), and posts
// the answer as a form of ours. Without this script such a form stays hidden, and the page works without it.
'use strict'

// A challenge is good for five minutes: the one that waits for autofill is renewed before.
const RENEW_MS = 4 * 60 * 1000

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))

const encode = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

const named = (key) => ({ ...key, id: decode(key.id) })

/** The server's JSON as the browser takes it. */
const read = (options) => ({
  ...options,
  challenge: decode(options.challenge),
  ...(options.user && { user: named(options.user) }),
  ...(options.allowCredentials && { allowCredentials: options.allowCredentials.map(named) }),
  ...(options.excludeCredentials && { excludeCredentials: options.excludeCredentials.map(named) }),
})

/** The browser's answer as the server takes it. */
const written = ({ id, rawId, type, response }, extensions) => JSON.stringify({
  id,
  rawId: encode(rawId),
  type,
  response: {
    clientDataJSON: encode(response.clientDataJSON),
    ...(response.attestationObject
      ? { attestationObject: encode(response.attestationObject), transports: response.getTransports?.() ?? [] }
      : {
          authenticatorData: encode(response.authenticatorData),
          signature: encode(response.signature),
          userHandle: encode(response.userHandle) ?? null,
        }),
  },
  clientExtensionResults: extensions.credProps ? { credProps: { rk: extensions.credProps.rk } } : {},
})

const challenge = async (form) => {
  const answer = await fetch(form.dataset.options, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
  // Led elsewhere: somebody has to prove more first.
  if (answer.redirected) location.assign(answer.url)
  if (!answer.ok || answer.redirected) throw new Error(`no challenge: ${answer.status}`)
  return answer.json()
}

/** From the challenge to the next page. */
const go = async (form, how) => {
  const { options, state } = await challenge(form)
  const publicKey = read(options.publicKey)
  const credential = form.dataset.passkey === 'create'
    ? await navigator.credentials.create({ ...how, publicKey })
    : await navigator.credentials.get({ ...how, publicKey })
  form.elements.state.value = state
  form.elements.credential.value = written(credential, credential.getClientExtensionResults())
  form.submit()
}

const tell = (form, which) => {
  for (const text of form.querySelectorAll('[data-when]')) text.hidden = text.dataset.when !== which
}

/** Offers passkeys where the user name is filled in; until one is chosen or `stopped`. */
const autofill = async (form, stopped) => {
  if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return
  while (!stopped.aborted) {
    const renew = new AbortController()
    const timer = setTimeout(() => renew.abort(), RENEW_MS)
    const stop = () => renew.abort()
    stopped.addEventListener('abort', stop)
    try {
      await go(form, { mediation: 'conditional', signal: renew.signal })
      return
    } catch {
      if (!renew.signal.aborted) return
    } finally {
      clearTimeout(timer)
      stopped.removeEventListener('abort', stop)
    }
  }
}

const start = (form) => {
  const stop = new AbortController()
  const waiting = 'autofill' in form.dataset ? autofill(form, stop.signal) : Promise.resolve()
  const button = form.querySelector('button')
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    button.disabled = true
    tell(form, null)
    stop.abort()
    await waiting
    try {
      await go(form, {})
    } catch (error) {
      tell(form, error.name === 'InvalidStateError' ? 'known' : 'failed')
      button.disabled = false
    }
  })
  form.hidden = false
}

// No passkeys for an address without a name (WebAuthn 5.1.2).
const hasName = /[a-z]/i.test(location.hostname) && !location.hostname.startsWith('[')
if (window.PublicKeyCredential && hasName) document.querySelectorAll('form[data-passkey]').forEach(start)

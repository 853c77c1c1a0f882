// Runs inside workerd: the vectors by the WebCrypto of Workers.
import * as judges from './judges.mjs'

export default {
  async fetch(request) {
    const { judge, document } = await request.json()
    return Response.json(await judges[judge](document))
  },
}

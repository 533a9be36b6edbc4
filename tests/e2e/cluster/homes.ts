import WebSocket from 'ws'
import type { TestServer } from '../../kit.js'

/** Which gateway a client talks to: the next one, once its own is not there any more. */
export class Home {
  constructor(
    private readonly gateways: readonly TestServer[],
    private index: number,
  ) {}

  get url(): string {
    return this.gateways[this.index % this.gateways.length]?.url ?? ''
  }

  /** Goes on at another gateway, unless somebody has gone on from `url` before. */
  leave(url: string): void {
    if (url === this.url) this.index += 1
  }

  /** A `fetch` for the SDK, whose base URL is anybody's. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { url } = this
    const wanted = new URL(input instanceof Request ? input.url : String(input))
    try {
      return await fetch(new URL(wanted.pathname + wanted.search, url), init)
    } catch (error) {
      this.leave(url)
      throw error
    }
  }

  /** A WebSocket for the SDK. */
  get WebSocket() {
    const home = this
    return class extends WebSocket {
      constructor(address: string, protocols: string[]) {
        const { url } = home
        const wanted = new URL(address)
        super(url.replace(/^http/, 'ws') + wanted.pathname + wanted.search, protocols)
        this.on('error', () => home.leave(url))
        this.on('close', () => home.leave(url))
      }
    }
  }
}

import type { Catalogue, ChannelKind, EventType } from '@switchboard/contract'

/** A catalogue that changes while the server runs. Whoever holds it sees the types of the moment. */
export class LiveCatalogue implements Catalogue {
  private present: Catalogue | undefined

  /** @param make The catalogue of the moment. */
  constructor(private readonly make: () => Catalogue) {}

  /** Makes it anew when it is next asked: changes that come together cost one. */
  outdate(): void {
    this.present = undefined
  }

  all(kind?: ChannelKind): readonly EventType[] {
    return this.now.all(kind)
  }

  get(kind: ChannelKind, type: string): EventType | undefined {
    return this.now.get(kind, type)
  }

  nearest(kind: ChannelKind, name: string): string | undefined {
    return this.now.nearest(kind, name)
  }

  private get now(): Catalogue {
    this.present ??= this.make()
    return this.present
  }
}

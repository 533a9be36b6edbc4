/** One page of a list, as every list of the API answers. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly has_more: boolean
  readonly continuation_token: string | null
}

/** All items of a list, page after page, each page read when it is needed. */
export async function* eachItem<Item>(
  read: (continuationToken: string | undefined) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, void> {
  let token: string | undefined
  for (;;) {
    const page = await read(token)
    yield* page.items
    if (!page.has_more || page.continuation_token === null) return
    token = page.continuation_token
  }
}

/**
 * Whether a page of this origin may open a WebSocket here. Programs send no origin. A page of the same host is ours:
 * the scheme is not compared, since behind a proxy that ends TLS this process cannot know it.
 * @param allowed Origins exactly as browsers send them (`https://app.example.com`), or `*` for any.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

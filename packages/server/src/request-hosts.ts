/**
 * How many Host headers a request has. RFC 9112, section 3.2, has one to be refused that has several: who stands in front may
 * have looked at another. Node keeps the first and says nothing. The names are compared by length first: every request is asked.
 */
export function hostsOf({ rawHeaders }: { readonly rawHeaders: readonly string[] }): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

/** Runs tasks one after another: what reads, decides and writes must not meet itself half-way. */
export function createTurns(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = last.then(task, task)
    // The next one waits for this one, and does not care how it ended.
    last = result.catch(() => undefined)
    return result
  }
}

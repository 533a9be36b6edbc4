/** The streams that each workspace may have open. A seat that was taken has to be given back. */
export interface Seats {
  /** True when the workspace had one left. It takes a moment where several processes share the seats. */
  take(workspace: string): boolean | Promise<boolean>
  give(workspace: string): void
}

/** Seats of this process alone. */
export function createSeats(perWorkspaceMax: number): Seats {
  const taken = new Map<string, number>()
  return {
    take(workspace) {
      const before = taken.get(workspace) ?? 0
      if (before >= perWorkspaceMax) return false
      taken.set(workspace, before + 1)
      return true
    },
    give(workspace) {
      const left = (taken.get(workspace) ?? 0) - 1
      if (left > 0) taken.set(workspace, left)
      else taken.delete(workspace)
    },
  }
}

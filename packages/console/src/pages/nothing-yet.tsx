import type { ReactNode } from 'react'
import { useNavigate } from 'react-router'
import { Button, EmptyState } from '../design/parts.js'
import { mustAsk } from '../stores/simulation-store.js'
import { useBench } from '../try-bench.js'
import { useStore, useWorkspace } from '../workspace.js'

/** An empty page: what will appear there, and a button that has something appear. */
export function NothingYet({ title, children }: { title: string; children: ReactNode }) {
  const { simulation } = useBench()
  const told = useStore(simulation)
  const workspace = useWorkspace()
  const navigate = useNavigate()
  const begin = () => {
    const asks = mustAsk(workspace, told)
    if (!asks) void simulation.start()
    navigate(asks ? '/try?start=1' : '/try')
  }
  return (
    <EmptyState title={title}>
      <p>{children}</p>
      <Button strong onClick={begin}>
        Make up some activity
      </Button>
    </EmptyState>
  )
}

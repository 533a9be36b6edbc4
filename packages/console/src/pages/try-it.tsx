import { useEffect } from 'react'
import { Button, Failing, Loading } from '../design/parts.js'
import { useBench } from '../try-bench.js'
import { useStore } from '../workspace.js'
import './try-it.css'
import { TryPublish } from './try-publish.js'
import { TrySimulator } from './try-simulator.js'

export function TryItPage() {
  const { publishing, simulation } = useBench()
  const draft = useStore(publishing)
  useEffect(() => void publishing.load(), [publishing])
  const { catalogue } = draft
  return (
    <div className="try">
      <h1>Try it</h1>
      <TrySimulator store={simulation} workspaceId={catalogue.kind === 'ready' ? catalogue.workspaceId : undefined} />
      {catalogue.kind === 'loading' && <Loading />}
      {catalogue.kind === 'failed' && (
        <Failing what="The event types could not be read" still={catalogue.why}>
          <Button onClick={() => void publishing.load()}>Try again</Button>
        </Failing>
      )}
      {catalogue.kind === 'ready' && <TryPublish store={publishing} draft={draft} catalogue={catalogue} />}
    </div>
  )
}

import { type SubmitEvent, useEffect } from 'react'
import { Button, Chip } from '../design/parts.js'
import { useBench } from '../try-bench.js'
import { useStore, useWorkspace } from '../workspace.js'
import type { LiveView } from './live-view.js'
import { ENTITY_NAMES } from './live-view.js'
import { FAMILIES, markOf } from './marks.js'

/** What the server is asked for: families and types of events, and the ids they are about. */
export function LiveFilters({ view }: { view: LiveView }) {
  const { types, entities } = view
  const toggle = (filter: string) => view.change({ types: toggled(types, filter) })
  const single = types.filter((type) => !FAMILIES.some((family) => type === `${family}.*`))
  return (
    <>
      {FAMILIES.map((family) => (
        <Chip key={family} on={types.includes(`${family}.*`)} onToggle={() => toggle(`${family}.*`)}>
          <span aria-hidden="true">{markOf(family)}</span> {family}
        </Chip>
      ))}
      {single.map((type) => (
        <Button key={type} className="chip on" aria-label={`No longer only ${type}`} onClick={() => toggle(type)}>
          {type} ✕
        </Button>
      ))}
      {entities.map(({ name, value }) => (
        <Button
          key={`${name} ${value}`}
          className="chip on"
          aria-label={`No longer only ${name} ${value}`}
          onClick={() =>
            view.change({ entities: entities.filter((each) => each.name !== name || each.value !== value) })
          }
        >
          {name} <bdi>{value}</bdi> ✕
        </Button>
      ))}
      <TypeChoice chosen={types} onChoose={toggle} />
      <EntityChoice onChoose={(entity) => view.change({ entities: [...entities, entity] })} />
    </>
  )
}

function TypeChoice({ chosen, onChoose }: { chosen: readonly string[]; onChoose: (type: string) => void }) {
  const { publishing } = useBench()
  const { connection } = useWorkspace()
  const { catalogue } = useStore(publishing)
  // Asked again when the server is back.
  useEffect(() => {
    if (connection.kind !== 'reconnecting') void publishing.load()
  }, [publishing, connection.kind])
  const known = catalogue.kind === 'ready' ? catalogue.types.filter(({ channel }) => channel === 'workspace') : []
  return (
    <select className="field" aria-label="Only one type" value="" onChange={(event) => onChoose(event.target.value)}>
      <option value="">Type…</option>
      {known
        .filter(({ type }) => !chosen.includes(type))
        .map(({ type }) => (
          <option key={type}>{type}</option>
        ))}
    </select>
  )
}

function EntityChoice({ onChoose }: { onChoose: (entity: LiveView['entities'][number]) => void }) {
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const name = ENTITY_NAMES.find((each) => each === form.get('name'))
    const value = String(form.get('value')).trim()
    if (name === undefined || value === '') return
    event.currentTarget.reset()
    onChoose({ name, value })
  }
  return (
    <form className="entity" onSubmit={submit}>
      <select className="field" name="name" aria-label="What the id is of">
        {ENTITY_NAMES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <input className="field" name="value" aria-label="Only this id" placeholder="Only this id" autoComplete="off" />
    </form>
  )
}

/** With one filter more, or less. A type narrows the family it is of, and a family takes its types in. */
function toggled(types: readonly string[], filter: string): readonly string[] {
  if (types.includes(filter)) return types.filter((each) => each !== filter)
  const covers = (wide: string, narrow: string) => wide.endsWith('*') && narrow.startsWith(wide.slice(0, -1))
  return [...types.filter((each) => !covers(each, filter) && !covers(filter, each)), filter]
}

import type { Refusal } from '../stores/refusal.js'

/** Why something was not published: a permission that is missing, or every fault with its place in the event. */
export function Refused({ title, refusal: { why, permission, errors } }: { title: string; refusal: Refusal }) {
  if (permission !== undefined) {
    return (
      <div className="refused" role="alert">
        <h3>✕ This key may not publish here</h3>
        <p>
          It takes the permission <code>{permission}</code>. Whoever has <code>keys:manage</code> in this workspace can
          make a key that has it.
        </p>
        <p className="muted" dir="auto">
          The server says: {why}
        </p>
      </div>
    )
  }
  return (
    <div className="refused" role="alert">
      <h3>✕ {title}</h3>
      {errors.length === 0 && <p dir="auto">{why}</p>}
      <ul>
        {errors.map(({ path, message }) => (
          <li key={path + message}>
            <code>{path === '' ? 'the event' : path}</code> <span dir="auto">{message}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

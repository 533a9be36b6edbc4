// Follows a workspace with the browser's own EventSource, without any library; server.ts says how to run it.
//
// Shows: an access token in the address, because EventSource cannot send headers; a new token when that one has expired;
// going on after the last event, so that nothing is missed meanwhile.

/** EventSource has no "every type": each one that is wanted is listened to by name. */
const TYPES = ['call.started', 'call.escalated', 'call.ended', 'operator.joined_call', 'operator.left_call']
const SHOWN_MAX = 200
const AGAIN_MS = 2000

const state = document.getElementById('state')
const list = document.getElementById('events')

/** The position of the last event: what to go on after. */
let last

connect()

async function connect() {
  try {
    const answer = await fetch('/token', { method: 'POST' })
    if (!answer.ok) throw new Error(`no token: ${answer.status}`)
    const { stream, access_token } = await answer.json()
    const query = new URLSearchParams({ access_token, types: TYPES.join(',') })
    if (last !== undefined) query.set('last_event_id', last)
    listen(new EventSource(`${stream}?${query}`))
  } catch (error) {
    state.textContent = String(error)
    setTimeout(connect, AGAIN_MS)
  }
}

function listen(source) {
  source.addEventListener('stream.opened', (event) => {
    last ??= event.lastEventId
    state.textContent = 'live'
  })
  source.addEventListener('stream.gap', () => {
    state.textContent = 'events are missing; reload to see how things stand'
  })
  for (const type of TYPES) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      last = lastEventId
      const line = document.createElement('li')
      line.textContent = `${type} ${data}`
      list.prepend(line)
      if (list.children.length > SHOWN_MAX) list.lastElementChild.remove()
    })
  }
  source.addEventListener('error', (event) => {
    // Two things come under this name. With data, it is the server's own last word before it ends the stream.
    const code = event.data === undefined ? undefined : JSON.parse(event.data).code
    if (code === 'credential_expired' || source.readyState === EventSource.CLOSED) {
      // The token is over, or the browser has given up: a new token, and on from the last event.
      source.close()
      state.textContent = 'getting a new token …'
      setTimeout(connect, code === 'credential_expired' ? 0 : AGAIN_MS)
    } else if (code !== undefined) {
      state.textContent = `the server ended the stream: ${code}`
    } else {
      // A lost connection. The browser makes it again by itself, and says where it stopped.
      state.textContent = 'connecting …'
    }
  })
}

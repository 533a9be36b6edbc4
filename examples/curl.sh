#!/usr/bin/env bash
# Publishes and follows a workspace with curl alone.
#
# Shows: one event; several at once; a repeat that stores nothing; the stream, from a quarter of an hour ago on.
#
#   export SWITCHBOARD_API_KEY=sb_…        needs events:write and events:read
#   export SWITCHBOARD_WORKSPACE=…         the workspace's id
#   examples/curl.sh publish
#   examples/curl.sh stream                until Ctrl-C
set -euo pipefail

base="${SWITCHBOARD_URL:-http://127.0.0.1:8080}/v1/${SWITCHBOARD_WORKSPACE:?is the id of the workspace}"
# From a variable through a pipe: what stands on a command line can be read by every user of the machine.
auth() { printf 'header = "Authorization: Bearer %s"\n' "${SWITCHBOARD_API_KEY:?is a key of the workspace}"; }
call() { curl --config <(auth) --silent --show-error --fail-with-body "$@"; echo; }

case "${1:-}" in
  publish)
    # The answer has the position of each event, and comes once they are on disk.
    call "$base/events" --json '{"event_type": "trigger.fired", "trigger_id": "t-1", "trigger_name": "nightly"}'

    # Newline-delimited JSON: stored as the lines arrive.
    call "$base/events" -H 'Content-Type: application/x-ndjson' --data-binary @- <<'EVENTS'
{"event_type": "pipeline.sync_completed", "data_source_id": "ehr", "event_count": 12, "duration_ms": 900}
{"event_type": "pipeline.error", "data_source_id": "crm", "error": "The remote side closed the connection."}
EVENTS

    # The same request twice. Both answers name the same position; the event is stored once.
    for _ in first again; do
      call "$base/events" -H 'Idempotency-Key: surface-s-1-updated' \
        --json '{"event_type": "surface.updated", "surface_id": "s-1"}'
    done
    ;;
  stream)
    # --no-buffer: each event when it comes. A client that comes back sends the last id as the header Last-Event-ID.
    call --no-buffer "$base/events/stream?since=15m&types=pipeline.*,surface.*,trigger.*"
    ;;
  *)
    echo "usage: examples/curl.sh publish|stream" >&2
    exit 2
    ;;
esac

import picocolors from 'picocolors'

type Colour = (text: string) => string

/** The colours of this program by what they mean, so that one meaning looks the same everywhere. */
export interface Palette {
  readonly call: Colour
  readonly surface: Colour
  readonly operator: Colour
  readonly pipeline: Colour
  /** Families that have no colour of their own. */
  readonly other: Colour
  readonly good: Colour
  readonly warning: Colour
  readonly bad: Colour
  /** What matters less: times, ids, punctuation. */
  readonly faint: Colour
  readonly strong: Colour
  /** Something to type or to copy. */
  readonly code: Colour
}

export function palette(colour: boolean): Palette {
  const c = picocolors.createColors(colour)
  return {
    call: c.cyan,
    surface: c.magenta,
    operator: c.blue,
    pipeline: c.yellow,
    other: c.white,
    good: c.green,
    warning: c.yellow,
    bad: c.red,
    faint: c.dim,
    strong: c.bold,
    code: c.cyan,
  }
}

/** The colour of an event's family. */
export function familyColour(colours: Palette, family: string): Colour {
  switch (family) {
    case 'call':
      return colours.call
    case 'surface':
      return colours.surface
    case 'operator':
      return colours.operator
    case 'pipeline':
      return colours.pipeline
    default:
      return colours.other
  }
}

import { Component, type ReactNode } from 'react'
import { Button, Failing } from './parts.js'

/** A page that breaks takes nothing else with it: the head, the pages beside it and the stream go on. */
export class Unbroken extends Component<{ readonly children: ReactNode }, { readonly error: Error | undefined }> {
  override state = { error: undefined as Error | undefined }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <Failing what="This page broke" still={`${error.message}. The other pages and the stream go on.`}>
        <Button onClick={() => this.setState({ error: undefined })}>Try again</Button>{' '}
        <Button onClick={() => location.reload()}>Load the console anew</Button>
      </Failing>
    )
  }
}

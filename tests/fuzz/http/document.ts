import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { type Schema, valuesOf } from '../schema.js'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Schema
}

export interface Operation {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: Schema; readonly examples?: Readonly<Record<string, { value: unknown }>> }>
    >
  }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

/** The OpenAPI document that a server serves, ready to be asked. */
export class OpenApi {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true })
  private readonly values = new Map<Schema, fc.Arbitrary<unknown>>()
  readonly operations: readonly Operation[]
  /** Codes that any request may be answered with. */
  readonly general: readonly string[]

  constructor(
    private readonly document: {
      readonly info: { readonly description: string }
      readonly paths: Record<string, Record<string, object>>
      readonly components: { readonly schemas: Record<string, Schema> }
    },
  ) {
    addFormats.default(this.ajv)
    this.ajv.addSchema(document, 'served')
    const [, told = ''] = document.info.description.split('any request may be answered with')
    this.general = [...told.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) =>
          ({ parameters: [], ...operation, path, method: method.toUpperCase() }) as unknown as Operation,
      ),
    )
  }

  static async of(url: string): Promise<OpenApi> {
    return new OpenApi((await (await fetch(`${url}/openapi.json`)).json()) as never)
  }

  /** The operation that a request asks for by now; undefined when its path has none of this method. */
  at({
    operation: { path },
    method,
  }: {
    readonly operation: Operation
    readonly method: string
  }): Operation | undefined {
    return this.operations.find((each) => each.path === path && each.method === method)
  }

  private readonly resolve = (reference: string): Schema => {
    const schema = this.document.components.schemas[reference.replace('#/components/schemas/', '')]
    if (schema === undefined) throw new Error(`${reference} leads nowhere`)
    return schema
  }

  /** A value that a schema describes; the same for the same seed. */
  sample(schema: Schema, seed: number): unknown {
    const values = this.values.get(schema) ?? valuesOf(schema, this.resolve)
    this.values.set(schema, values)
    return fc.sample(values, { seed, numRuns: 1 })[0]
  }

  /** What is wrong with the body of an answer, or undefined. */
  fault(
    { path, method, responses }: Operation,
    status: number,
    contentType: string,
    body: unknown,
  ): string | undefined {
    const declared = responses[status]
    if (declared === undefined) return `${status} is not declared`
    const { content } = declared
    if (content === undefined) return 'no body is declared'
    if (!(contentType in content)) return `${contentType} is not declared, but ${Object.keys(content).join(', ')}`
    const keys = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', contentType, 'schema']
    return this.faultBy(
      `#/${keys.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`,
      body,
    )
  }

  problemFault(body: unknown): string | undefined {
    return this.faultBy('#/components/schemas/Problem', body)
  }

  private faultBy(reference: string, body: unknown): string | undefined {
    const validate: ValidateFunction | undefined = this.ajv.getSchema(`served${reference}`)
    if (validate === undefined) return `${reference} leads nowhere`
    return validate(body) ? undefined : this.ajv.errorsText(validate.errors)
  }
}

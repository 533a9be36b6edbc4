import ajvCompiler from '@fastify/ajv-compiler'

type BuildCompiler = ReturnType<typeof ajvCompiler>
type Compile = ReturnType<BuildCompiler>

/**
 * Fastify's own compiler of schemas, at work when a schema is first needed and not at the start: all routes together
 * cost a tenth of a second, and a process answers few of them. That every schema compiles is a test of the contract.
 */
export const buildCompiler: BuildCompiler = (...options) => {
  let compile: Compile | undefined
  return (definition) => {
    let validator: ReturnType<Compile> | undefined
    const validate = (value: unknown): unknown => {
      compile ??= ajvCompiler()(...options)
      validator ??= compile(definition)
      const result = validator(value)
      // Fastify reads what is wrong from the function that it called.
      Object.assign(validate, { errors: validator.errors })
      return result
    }
    return validate as ReturnType<Compile>
  }
}

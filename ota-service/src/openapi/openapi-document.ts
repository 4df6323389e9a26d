import { PROBLEMS, problemSchema, type ProblemCode } from '@flotilla/contracts';
import { z } from 'zod';
import { problemsOf, type Content, type Operation } from './operation.ts';

type Json = Record<string, unknown>;
type Direction = 'input' | 'output';

const SECURITY = {
  operator: [{ operatorToken: [] }],
  device: [{ deviceToken: [] }],
  alertmanager: [{ alertWebhookToken: [] }],
  anyone: [],
} as const;

/**
 * An OpenAPI 3.1 document of these operations; its shapes are the zod schemas the routes check with.
 * Throws when one name stands for two shapes, or a path parameter has none.
 */
export function openApiDocument(operations: readonly Operation[], version: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {});
    if (path[operation.method] !== undefined) {
      throw new Error(`${operation.method} ${operation.path} stands there twice`);
    }
    path[operation.method] = describe(operation, components);
  }
  components.use({ name: 'Problem', schema: problemSchema }, 'output');
  return {
    openapi: '3.1.1',
    info: { title: 'Flotilla', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        operatorToken: { type: 'http', scheme: 'bearer' },
        deviceToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        alertWebhookToken: { type: 'http', scheme: 'bearer' },
      },
      schemas: components.schemas(),
    },
  };
}

function describe(operation: Operation, components: Components): Json {
  const { body } = operation;
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    security: SECURITY[operation.caller],
    parameters: parametersOf(operation),
    ...(body !== undefined && {
      requestBody: {
        required: body.optional !== true,
        content: contentOf(body, 'input', components),
      },
    }),
    responses: { ...answersOf(operation, components), ...problemAnswers(problemsOf(operation)) },
  };
}

function parametersOf(operation: Operation): Json[] {
  const { pathParameters = {}, query, headers = {} } = operation;
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const schema = pathParameters[name];
    if (schema === undefined) throw new Error(`${operation.path}: what is ${name}?`);
    return { name, in: 'path', required: true, schema: inlineSchema(schema) };
  });
  const inQuery = Object.entries<z.ZodType>(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    schema: inlineSchema(schema),
  }));
  const inHeader = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...inQuery, ...inHeader];
}

function answersOf(operation: Operation, components: Components): Json {
  const answers = Object.entries(operation.answers).map(([status, answer]) => {
    const { description, content, headers } = answer;
    return [
      status,
      {
        description,
        ...(headers !== undefined && { headers: headersOf(headers) }),
        ...(content !== undefined && { content: contentOf(content, 'output', components) }),
      },
    ] as const;
  });
  return Object.fromEntries(answers);
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  const described = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  );
  return Object.fromEntries(described);
}

/** Problems of one status share an answer (RFC 9457); `code` tells them apart. */
function problemAnswers(codes: readonly ProblemCode[]): Json {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  const answers = [...byStatus].map(([status, same]) => {
    const description = same.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; ');
    const schema = { $ref: '#/components/schemas/Problem' };
    return [status, { description, content: { 'application/problem+json': { schema } } }] as const;
  });
  return Object.fromEntries(answers);
}

function contentOf(content: Content, direction: Direction, components: Components): Json {
  const { type, schema } = content;
  return { [type]: schema === undefined ? {} : { schema: components.use(schema, direction) } };
}

function inlineSchema(schema: z.ZodType): Json {
  return withoutIdentity(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
}

/** Named shapes: what is sent and what is answered are written each in its own way (defaults, coercions). */
class Components {
  readonly #names = new Map<string, { schema: z.ZodType; direction: Direction }>();

  use({ name, schema }: { name: string; schema: z.ZodType }, direction: Direction): Json {
    const known = this.#names.get(name) ?? { schema, direction };
    const isSame = known.direction === direction || isSameBothWays(schema);
    if (known.schema !== schema || !isSame) throw new Error(`two shapes are called ${name}`);
    this.#names.set(name, known);
    return { $ref: `#/components/schemas/${name}` };
  }

  schemas(): Json {
    const written = { ...this.#written('input'), ...this.#written('output') };
    return Object.fromEntries(
      Object.entries(written).sort(([a], [b]) => (a < b ? -1 : Number(a > b))),
    );
  }

  #written(io: Direction): Json {
    const registry = z.registry<{ id: string }>();
    for (const [id, { schema, direction }] of this.#names) {
      if (direction === io) registry.add(schema, { id });
    }
    const { schemas } = z.toJSONSchema(registry, {
      io,
      unrepresentable: 'any',
      uri: (id) => `#/components/schemas/${id}`,
    });
    const plain = Object.entries(schemas).map(
      ([id, schema]) => [id, withoutIdentity(schema)] as const,
    );
    return Object.fromEntries(plain);
  }
}

/** The document itself says which dialect its schemas speak (OpenAPI 3.1.1, 4.8.24.5) and where they are. */
function withoutIdentity(schema: object): Json {
  return Object.fromEntries(
    Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'),
  );
}

function isSameBothWays(schema: z.ZodType): boolean {
  const [sent, answered] = (['input', 'output'] as const).map((io) =>
    JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' })),
  );
  return sent === answered;
}

/** A listener that asks for a user and password, beside the open one. */
export interface SecuredListener {
  readonly users: Readonly<Record<string, string>>;
  /** With a certificate the listener speaks TLS. */
  readonly tls?: { readonly keyPem: string; readonly certificatePem: string };
}

export interface BrokerPorts {
  readonly open: number;
  readonly controller: number;
  readonly secured: number;
}

/** server.properties of a broker that is its own controller and the only node. */
export function serverProperties(
  dataFolder: string,
  ports: BrokerPorts,
  secured: SecuredListener | undefined,
  overrides: Readonly<Record<string, string>>,
): string {
  const securedProtocol = secured?.tls === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL';
  const address = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const advertised = [
    address('OPEN', ports.open),
    ...(secured === undefined ? [] : [address('SECURED', ports.secured)]),
  ];
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'OPEN',
    listeners: [...advertised, address('CONTROLLER', ports.controller)].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': `OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:${securedProtocol}`,
    'log.dirs': dataFolder,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker may come back only when its old session has run out.
    'broker.session.timeout.ms': '1500',
    'broker.heartbeat.interval.ms': '300',
    'group.min.session.timeout.ms': '1000',
    'auto.create.topics.enable': 'false',
    'message.max.bytes': String(2 * 1024 * 1024),
    ...(secured === undefined ? {} : securedProperties(secured)),
    ...overrides,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function securedProperties({ users, tls }: SecuredListener): Record<string, string> {
  const entries = Object.entries(users).map(([name, password]) => ` user_${name}="${password}"`);
  const prefix = 'listener.name.secured';
  return {
    [`${prefix}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256',
    [`${prefix}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required${entries.join('')};`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]:
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    ...(tls === undefined
      ? {}
      : {
          [`${prefix}.ssl.keystore.type`]: 'PEM',
          [`${prefix}.ssl.keystore.key`]: onOneLine(tls.keyPem),
          [`${prefix}.ssl.keystore.certificate.chain`]: onOneLine(tls.certificatePem),
        }),
  };
}

/** A properties file ends a value at the line's end unless a backslash comes before it. */
function onOneLine(pem: string): string {
  return pem.trim().replaceAll('\n', '\\n');
}

import { describe, expect, it } from 'vitest';
import { parseKafkaUrl } from '../../src/kafka/kafka-settings.ts';
import { EventLogUrlError } from '../../src/log-errors.ts';

describe('parseKafkaUrl', () => {
  it('reads brokers, credentials and options', () => {
    const url = 'kafka://ota:p%40ss@one:9092,[::1]:9093/?tls=true&partitions=12&replication=3';
    expect(parseKafkaUrl(`${url}&compression=lz4&createTopics=false&mechanism=PLAIN`)).toEqual({
      brokers: [
        { host: 'one', port: 9092 },
        { host: '::1', port: 9093 },
      ],
      tls: { ca: null },
      sasl: { mechanism: 'PLAIN', username: 'ota', password: 'p@ss' },
      createTopics: false,
      partitions: 12,
      replication: 3,
      compression: 'lz4',
      bufferBytes: 64 * 1024 * 1024,
    });
    expect(parseKafkaUrl('kafka://one:9092')).toMatchObject({
      createTopics: true,
      replication: -1,
    });
  });

  it.each([
    'kafka://',
    'kafka://one',
    'kafka://one:0/',
    'kafka://one:70000/',
    'kafka://u:secret@one:x/',
    'kafka://u:secret@one:9092/?mechanism=MD5',
    'kafka://one:9092/?partitions=0',
    'kafka://one:9092/?unknown=1',
    'kafka://one:9092/?ca=/no/such/file',
    'kafka://u:%zzsecret@one:9092/',
  ])('refuses %j without repeating a password', (url) => {
    expect(() => parseKafkaUrl(url)).toThrow(EventLogUrlError);
    expect(() => parseKafkaUrl(url)).not.toThrow(/secret/);
  });
});

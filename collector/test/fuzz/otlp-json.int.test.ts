import { describeFuzz, overHttp } from './testing/fuzz-suite.ts';
import { JSON_MUTATIONS } from './json-mutations.ts';

describeFuzz('the OTLP/HTTP receiver of JSON', JSON_MUTATIONS, 2000, overHttp);

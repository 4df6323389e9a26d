import { describeFuzz, overHttp } from './testing/fuzz-suite.ts';
import { HTTP_MUTATIONS } from './http-mutations.ts';
import { PROTOBUF_MUTATIONS } from './protobuf-mutations.ts';

describeFuzz('the OTLP/HTTP receiver', [...PROTOBUF_MUTATIONS, ...HTTP_MUTATIONS], 5000, overHttp);

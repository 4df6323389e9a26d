import { describeFuzz, overGrpc } from './testing/fuzz-suite.ts';
import { GRPC_MUTATIONS } from './grpc-mutations.ts';

describeFuzz('the OTLP/gRPC receiver', GRPC_MUTATIONS, 2000, overGrpc);

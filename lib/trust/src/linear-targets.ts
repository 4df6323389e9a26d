import { TargetFile, Targets } from '@tufjs/models';

type Json = Parameters<typeof Targets.fromJSON>[0];
type TargetMap = Record<string, TargetFile>;

/**
 * @tufjs/models 5.0.2 copies the map of targets once for each of them, whenever it reads or writes a
 * targets role: quadratic, half a second of a device's processor for a thousand releases. Loading this
 * module gives both their linear form, also to tuf-js; what is read and written stays the same.
 */
const original = {
  fromJSON: Targets.fromJSON.bind(Targets),
  toJSON: Reflect.get(Targets.prototype, 'toJSON'),
};

Targets.fromJSON = (json: Json): Targets => {
  const { targets } = json;
  if (!isRecordOfObjects(targets)) return original.fromJSON(json);
  const read = original.fromJSON({ ...json, targets: {} });
  const entries = Object.entries(targets).map(([path, target]): [string, TargetFile] => [
    path,
    TargetFile.fromJSON(path, target),
  ]);
  return withTargets(read, Object.fromEntries(entries));
};

Targets.prototype.toJSON = function toJSON(this: Targets): Json {
  const entries = Object.entries(this.targets).map(([path, target]) => [path, target.toJSON()]);
  const bare = original.toJSON.call(withTargets(Object.assign({}, this), {}));
  return { ...bare, targets: Object.fromEntries(entries) as Json };
};

/** Everything else is for the original to refuse, in its words. */
function isRecordOfObjects(value: unknown): value is Record<string, Json> {
  const isObject = (it: unknown) => typeof it === 'object' && it !== null;
  return isObject(value) && Object.values(value).every(isObject);
}

/** Defined and not assigned: to whoever reads it the member is read-only. */
function withTargets<T extends object>(of: T, targets: TargetMap): T & Targets {
  const value = { value: targets, enumerable: true, writable: true, configurable: true };
  return Object.defineProperty(of, 'targets', value) as T & Targets;
}

/**
 * Suffix array by induced sorting (SA-IS: Nong, Zhang & Chan, "Two Efficient Algorithms for Linear
 * Time Suffix Array Construction", 2011). Linear time; about 14 bytes of working memory per byte of
 * text at the peak, 4 of which remain as the result.
 */
export function buildSuffixArray(text: Uint8Array): Int32Array {
  return induceSort(text, 255);
}

type Symbols = Uint8Array | Int32Array;

function induceSort(text: Symbols, maxSymbol: number): Int32Array {
  const n = text.length;
  const order = new Int32Array(n);
  if (n < 2) return order;

  const isSmall = classify(text);
  const buckets = countBuckets(text, isSmall, maxSymbol);
  // lmsRank: position of each left-most S suffix in text order, or -1.
  const lmsRank = new Int32Array(n).fill(-1);
  let lmsCount = 0;
  for (let i = 1; i < n; i++) {
    if (isSmall[i] === 1 && isSmall[i - 1] === 0) lmsRank[i] = lmsCount++;
  }
  const lms = new Int32Array(lmsCount);
  for (let i = 1, k = 0; i < n; i++) if ((lmsRank[i] as number) >= 0) lms[k++] = i;

  induce(text, order, isSmall, buckets, lms);
  if (lmsCount === 0) return order;

  const sorted = new Int32Array(lmsCount);
  for (let i = 0, k = 0; i < n; i++) {
    const suffix = order[i] as number;
    if ((lmsRank[suffix] as number) >= 0) sorted[k++] = suffix;
  }
  const { names, maxName } = nameSubstrings(text, lms, sorted, lmsRank);
  const inner = induceSort(names, maxName);
  for (let i = 0; i < lmsCount; i++) sorted[i] = lms[inner[i] as number] as number;
  induce(text, order, isSmall, buckets, sorted);
  return order;
}

/** 1 where the suffix is smaller than its right neighbour (type S). */
function classify(text: Symbols): Uint8Array {
  const isSmall = new Uint8Array(text.length);
  for (let i = text.length - 2; i >= 0; i--) {
    const here = text[i] as number;
    const next = text[i + 1] as number;
    isSmall[i] = here === next ? (isSmall[i + 1] as number) : here < next ? 1 : 0;
  }
  return isSmall;
}

interface Buckets {
  /** First slot of each symbol's L suffixes. */
  readonly largeStart: Int32Array;
  /** First slot of each symbol's S suffixes; entry s + 1 of largeStart ends them. */
  readonly smallStart: Int32Array;
}

function countBuckets(text: Symbols, isSmall: Uint8Array, maxSymbol: number): Buckets {
  const largeStart = new Int32Array(maxSymbol + 2);
  const smallStart = new Int32Array(maxSymbol + 2);
  for (let i = 0; i < text.length; i++) {
    const symbol = text[i] as number;
    if (isSmall[i] === 0) smallStart[symbol] = (smallStart[symbol] as number) + 1;
    else largeStart[symbol + 1] = (largeStart[symbol + 1] as number) + 1;
  }
  for (let s = 0; s <= maxSymbol; s++) {
    smallStart[s] = (smallStart[s] as number) + (largeStart[s] as number);
    largeStart[s + 1] = (largeStart[s + 1] as number) + (smallStart[s] as number);
  }
  return { largeStart, smallStart };
}

function induce(
  text: Symbols,
  order: Int32Array,
  isSmall: Uint8Array,
  buckets: Buckets,
  lms: Int32Array,
): void {
  const n = text.length;
  order.fill(-1);
  const next = buckets.smallStart.slice();
  for (const position of lms) {
    const symbol = text[position] as number;
    const slot = next[symbol] as number;
    order[slot] = position;
    next[symbol] = slot + 1;
  }

  next.set(buckets.largeStart);
  const last = text[n - 1] as number;
  order[next[last] as number] = n - 1;
  next[last] = (next[last] as number) + 1;
  for (let i = 0; i < n; i++) {
    const position = (order[i] as number) - 1;
    if (position < 0 || isSmall[position] === 1) continue;
    const symbol = text[position] as number;
    const slot = next[symbol] as number;
    order[slot] = position;
    next[symbol] = slot + 1;
  }

  next.set(buckets.largeStart);
  for (let i = n - 1; i >= 0; i--) {
    const position = (order[i] as number) - 1;
    if (position < 0 || isSmall[position] === 0) continue;
    const symbol = (text[position] as number) + 1;
    const slot = (next[symbol] as number) - 1;
    order[slot] = position;
    next[symbol] = slot;
  }
}

/** Equal LMS substrings get equal names, in sorted order: the text of the recursion. */
function nameSubstrings(
  text: Symbols,
  lms: Int32Array,
  sorted: Int32Array,
  lmsRank: Int32Array,
): { names: Int32Array; maxName: number } {
  const n = text.length;
  const names = new Int32Array(lms.length);
  let maxName = 0;
  for (let i = 1; i < sorted.length; i++) {
    const here = sorted[i] as number;
    const before = sorted[i - 1] as number;
    if (!sameSubstring(text, before, here, endOf(before), endOf(here))) maxName++;
    names[lmsRank[here] as number] = maxName;
  }
  return { names, maxName };

  function endOf(position: number): number {
    const rank = (lmsRank[position] as number) + 1;
    return rank < lms.length ? (lms[rank] as number) : n;
  }
}

function sameSubstring(
  text: Symbols,
  left: number,
  right: number,
  leftEnd: number,
  rightEnd: number,
): boolean {
  if (leftEnd - left !== rightEnd - right) return false;
  let l = left;
  let r = right;
  while (l < leftEnd && text[l] === text[r]) {
    l++;
    r++;
  }
  // The closing symbol belongs to the substring; the text's end is smaller than any symbol.
  return l === leftEnd && r < text.length && l < text.length && text[l] === text[r];
}

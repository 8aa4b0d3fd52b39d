/** The slot of a key as Redis Cluster computes it: CRC16 (XMODEM) of the hash tag, modulo 16384. */
const known: Map<string, number> = new Map();

/** @param key One of ours: it begins with its hash tag in braces */
export function hashSlot(key: string): number {
  const tag = key.slice(1, key.indexOf("}"));
  let slot = known.get(tag);
  if (slot === undefined) {
    slot = crc16(tag) % 16384;
    // A store has at most 4096 shards.
    if (known.size >= 8192) known.clear();
    known.set(tag, slot);
  }
  return slot;
}

function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

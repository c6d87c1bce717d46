/* Files put into one ZIP archive as they are: PNG does not shrink any more. Names are plain ASCII. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function crcOf(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/* Little-endian numbers, given as [value, bytes] pairs. */
function packed(...numbers) {
  const out = [];
  for (const [value, size] of numbers) for (let k = 0; k < size; k++) out.push(Math.floor(value / 256 ** k) & 255);
  return Uint8Array.from(out);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/* [[name, bytes], ...] -> the archive's bytes. The date is the first that the format knows. */
function zipOf(files) {
  const bodies = [], entries = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const letters = new TextEncoder().encode(name);
    const common = [[20, 2], [0, 2], [0, 2], [0, 2], [33, 2], [crcOf(bytes), 4], [bytes.length, 4], [bytes.length, 4], [letters.length, 2], [0, 2]];
    bodies.push(packed([0x04034b50, 4], ...common), letters, bytes);
    entries.push(packed([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), letters);
    offset += 30 + letters.length + bytes.length;
  }
  const index = joined(entries);
  const end = packed([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [index.length, 4], [offset, 4], [0, 2]);
  return joined([...bodies, index, end]);
}

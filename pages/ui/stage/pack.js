// Reads what pack.py wrote: a JSON header and typed arrays that lie in the received bytes, uncopied where possible.
// Numbers as bytes, because 1.5 MB of sweep would take 100 ms to parse as text and 1 ms to look at in place.

const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

/** Uint8Array -> { header, arrays: { name: { data, shape } } } */
export function unpack(bytes) {
  // The websocket's buffer may start the payload at any offset; typed arrays demand alignment.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const length = new DataView(buffer, byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(aligned.subarray(4, 4 + length)));
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const count = shape.reduce((product, size) => product * size, 1);
    arrays[name] = { shape, data: new TYPES[dtype](buffer, byteOffset + 4 + length + offset, count) };
  }
  return { header, arrays };
}

/** The same from base64 text, the form in which an event stream can carry bytes. */
export function unpackText(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return unpack(bytes);
}

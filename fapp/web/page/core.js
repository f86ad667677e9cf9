// The core: Rust, built for WebAssembly. One function, a JSON object and bytes in, the same out.
class Core {
  static async start() {
    const packed = Uint8Array.from(atob(document.getElementById("core").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const wasm = new Uint8Array(await new Response(stream).arrayBuffer());
    const { instance } = await WebAssembly.instantiate(wasm, {});
    const core = new Core();
    core.bytes = wasm;
    core.exports = instance.exports;
    const seed = crypto.getRandomValues(new Uint8Array(32));
    core.call({ op: "start", seed: Core.hex(seed) });
    seed.fill(0);
    return core;
  }

  static hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  static now() {
    return Math.floor(Date.now() / 1000);
  }

  // What was said, and the bytes with it. Throws the sentence of a refusal.
  exchange(call, bytes = new Uint8Array()) {
    const json = new TextEncoder().encode(JSON.stringify(call));
    const length = 4 + json.length + bytes.length;
    const at = this.exports.qpc_room(length);
    const room = new Uint8Array(this.exports.memory.buffer, at, length);
    new DataView(room.buffer, at, 4).setUint32(0, json.length, true);
    room.set(json, 4);
    room.set(bytes, 4 + json.length);
    const said = this.exports.qpc_call(at, length);
    const memory = new DataView(this.exports.memory.buffer);
    const total = memory.getUint32(said, true);
    const answer = new Uint8Array(this.exports.memory.buffer, said + 4, total).slice();
    this.exports.qpc_free(said);
    const end = 4 + new DataView(answer.buffer).getUint32(0, true);
    const { ok, error } = JSON.parse(new TextDecoder().decode(answer.subarray(4, end)));
    if (error !== undefined) throw new Error(error);
    return { ok, bytes: answer.subarray(end) };
  }

  call(call, bytes) {
    return this.exchange(call, bytes).ok;
  }

  sha256(text) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.call({ op: "hash" }, bytes);
  }
}

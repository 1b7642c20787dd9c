/**
 * The bytes at a URL, such as that of a module's own WebAssembly: of a file in Node, by `fetch` elsewhere.
 *
 * @throws {Error} It is not there; the caller says what that means.
 */
export async function readBinary(url: URL): Promise<BufferSource> {
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}

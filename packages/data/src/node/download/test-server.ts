import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TestServer {
  readonly url: string;
  /** What was asked for: path and Range header. */
  readonly requests: readonly { path: string; range: string | undefined }[];
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A real server on this machine, whose answers the test decides. */
export async function startServer(handler: Handler): Promise<TestServer> {
  const requests: { path: string; range: string | undefined }[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url!, range: request.headers.range });
    handler(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Answers as a well-behaved server of a static file does: Range, If-Range, 416. */
export function serveFile(
  bytes: Uint8Array,
  { etag = '"1"', breakAfter = Number.POSITIVE_INFINITY }: { etag?: string; breakAfter?: number } = {},
): Handler {
  return (request, response) => {
    const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const isSame = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
    const start = wanted !== undefined && isSame ? Number(wanted) : 0;
    if (start >= bytes.length && start > 0) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const range = start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
    const length = bytes.length - start;
    response.writeHead(start > 0 ? 206 : 200, { etag, "content-length": length, ...range });
    if (length <= breakAfter) response.end(bytes.subarray(start));
    else {
      response.write(bytes.subarray(start, start + breakAfter));
      setTimeout(() => response.destroy(), 50); // what was sent is read before; a client drops it otherwise
    }
  };
}

import { get as getPlainly, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { get as getSecurely } from "node:https";

/** As many as fetch follows. */
const MOST_REDIRECTS = 20;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Asks for an address, and follows redirects.
 *
 * Not with fetch: where a server closes the connection while the body waits to be read, the parser of many versions of Node
 * ends the process with an assertion that nobody can catch.
 *
 * @returns The head of the answer. Its body must be read or destroyed: an open connection keeps the process alive.
 * @throws Errors of the network, with their code.
 * @see https://github.com/nodejs/undici/issues/5360
 */
export async function httpGet(
  url: string,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let address = new URL(url);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await getOnce(address, headers, signal);
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.statusCode!) || location === undefined) return response;
    response.destroy();
    address = new URL(location, address);
  }
  throw new Error(`redirected more than ${MOST_REDIRECTS} times`);
}

function getOnce(address: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
  const get = address.protocol === "https:" ? getSecurely : getPlainly;
  return new Promise((resolve, reject) => {
    get(address, { headers, signal }, resolve).on("error", reject);
  });
}
